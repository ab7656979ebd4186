import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createStreamsBuilder, serdes, tumblingWindows } from '#streams'
import { defaults } from '#streams/runtime'

/**
 * The code in the documents is the code in `examples/`, which is compiled and run, and what it gives is what the texts
 * beside it say. `UPDATE=1` copies both into the documents.
 */
const root = join(import.meta.dirname, '..')
const documentsIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(join(root, folder))).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`)
const documents = ['README.md', ...(await documentsIn('docs')), ...(await documentsIn('docs/operators'))]
const block = /```(ts|text)\n(\/\/|#) (examples\/[\w./-]+)\n([\s\S]*?)```/g

test.each(documents)('the examples in %s are those that are tested', async (document) => {
  const text = await readFile(join(root, document), 'utf8')
  let updated = text
  for (const [whole, language, remark, file, code] of text.matchAll(block)) {
    const source = await readFile(join(root, file as string), 'utf8')
    updated = updated.replace(whole, () => `\`\`\`${language}\n${remark} ${file}\n${source}\`\`\``)
    if (process.env.UPDATE !== '1')
      expect(code, `${document} shows another ${file}: run UPDATE=1 vitest run docs`).toBe(source)
  }
  if (updated !== text) await writeFile(join(root, document), updated)
})

test('links between documents lead somewhere', async () => {
  const broken: string[] = []
  for (const document of documents) {
    const text = await readFile(join(root, document), 'utf8')
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      const path = join(root, document, '..', target as string)
      await readdir(path).catch(() => readFile(path).catch(() => broken.push(`${document}: ${target}`)))
    }
  }
  expect(broken).toEqual([])
})

test('every error code is explained', async () => {
  const source = await readFile(join(root, 'streams/base/errors.ts'), 'utf8')
  const union = source.slice(source.indexOf('export type StreamsErrorCode'), source.indexOf('export class'))
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code as string)
  expect(codes.length).toBeGreaterThan(15)
  const explained = await readFile(join(root, 'docs/ERRORS.md'), 'utf8')
  expect(codes.filter((code) => !explained.includes(`\`${code}\``))).toEqual([])
})

/** Words in the first column of a document's tables. */
async function firstColumn(document: string): Promise<ReadonlySet<string>> {
  const text = await readFile(join(root, document), 'utf8')
  const cells = [...text.matchAll(/^\|([^|]*)\|/gm)].map(([, cell]) => cell as string)
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/[\w.]+/g)].map(([word]) => word)))
}

test('every operator has a page', async () => {
  const builder = createStreamsBuilder()
  const texts = { key: serdes.string, value: serdes.string }
  const stream = builder.stream('stream', texts)
  const table = builder.table('table', texts)
  const grouped = stream.groupByKey()
  const windowed = grouped.windowedBy(tumblingWindows({ sizeMs: 1, graceMs: 0 }))
  const groups = table.groupBy((key, value) => ({ key, value }), texts)
  const cogrouped = grouped.cogroup((_key, _value, count: number) => count)
  const objects: readonly object[] = [builder, stream, table, grouped, windowed, groups, cogrouped, stream.split()]
  const operators = new Set(objects.flatMap((object) => Object.keys(object)))
  for (const other of ['kind', 'queryableStoreName', 'plan', 'build']) operators.delete(other)
  expect(operators.size).toBeGreaterThan(35)
  const index = await firstColumn('docs/operators/README.md')
  expect([...operators].filter((name) => !index.has(name))).toEqual([])
})

test('every page of an operator answers the same questions, and every example is on a page', async () => {
  const pages = (await documentsIn('docs/operators')).filter((page) => !page.endsWith('README.md'))
  const shown = new Set<string>()
  for (const page of pages) {
    const text = await readFile(join(root, page), 'utf8')
    for (const [, , , file] of text.matchAll(block)) shown.add(file as string)
    const headings = [...text.matchAll(/^## (.*)$/gm)]
      .map(([, heading]) => (heading as string).toLowerCase())
      .join(' | ')
    const missing = ['time', 'state', 'cost', 'nulls', 'coming from java'].filter((part) => !headings.includes(part))
    expect(missing, page).toEqual([])
  }
  const examples = (await readdir(join(root, 'examples/operators'))).filter((file) => !file.endsWith('.test.ts'))
  expect(examples.filter((file) => !shown.has(`examples/operators/${file}`))).toEqual([])
})

test('every method and setting of Java has a row', async () => {
  const names = (await readFile(join(root, 'docs/testdata/java-api.txt'), 'utf8')).split('\n').flatMap((line) => {
    const [, of = ''] = line.startsWith('#') ? [] : line.split(': ')
    return of.split(' ').filter(Boolean)
  })
  expect(names.length).toBeGreaterThan(300)
  const rows = await firstColumn('docs/COMING-FROM-JAVA.md')
  expect(names.filter((name) => !rows.has(name))).toEqual([])
})

test('every setting is in the table for those who come from Java', async () => {
  const table = await readFile(join(root, 'docs/COMING-FROM-JAVA.md'), 'utf8')
  const settings = [...Object.keys(defaults), 'applicationId', 'commitIntervalMs', 'commitShareMax']
  expect(settings.filter((name) => !table.includes(`\`${name}\``))).toEqual([])
})

test('the example of an embedded application runs as the page says', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mto-docs-'))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'examples/embedded.ts'), directory])
    expect(stdout).toMatch(
      /be 2, err 1, human 1, is 1, not 1, or 1, to 3\nthe store says \[ \{ key: 'be', value: \{ value: 2/,
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
