import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/**
 * The code in the documents is the code in `examples/`, which is compiled and run. `UPDATE=1` copies it there.
 */
const root = join(import.meta.dirname, '..')
const documents = [
  'README.md',
  ...(await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
]
const block = /```ts\n\/\/ (examples\/[\w.-]+)\n([\s\S]*?)```/g

test.each(documents)('the examples in %s are those that are tested', async (document) => {
  const text = await readFile(join(root, document), 'utf8')
  let updated = text
  for (const [whole, file, code] of text.matchAll(block)) {
    const source = await readFile(join(root, file as string), 'utf8')
    updated = updated.replace(whole, () => `\`\`\`ts\n// ${file}\n${source}\`\`\``)
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
