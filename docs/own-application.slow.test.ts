import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

/** The chapter "Your own application" of GETTING-STARTED.md, word for word, in a directory that is empty. */
const root = join(import.meta.dirname, '..')
const LONGEST_MS = 300_000

type Chapter = { readonly code: string; readonly commands: readonly string[] }

async function readChapter(): Promise<Chapter> {
  const text = await readFile(join(root, 'docs/GETTING-STARTED.md'), 'utf8')
  const from = text.indexOf('## 6. Your own application')
  const chapter = text.slice(from, text.indexOf('\n## ', from))
  const [, code = ''] = /```ts\n\/\/ [^\n]*\n([\s\S]*?)```/.exec(chapter) ?? []
  const commands = [...chapter.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'))
  return { code, commands }
}

const one = (commands: readonly string[], pattern: RegExp): string => {
  const found = commands.find((command) => pattern.test(command))
  if (found === undefined) throw new Error(`the chapter has no command like ${pattern}`)
  return found
}

function start(command: string, cwd: string): ChildProcess {
  // What a newcomer has: Node 24 on the path, and nothing of the clone.
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
  return spawn('bash', ['-c', command], {
    cwd,
    env: { ...process.env, PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
}

async function run(command: string, cwd: string): Promise<string> {
  const child = start(command, cwd)
  let text = ''
  let errors = ''
  child.stdout?.on('data', (chunk) => {
    text += chunk
  })
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const [code] = await once(child, 'close')
  expect(code, `${command}\n${text}${errors}`).toBe(0)
  return text
}

async function runUntil(command: string, cwd: string, pattern: RegExp): Promise<ChildProcess> {
  const child = start(command, cwd)
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    // The group: npx and the shell pass nothing on.
    process.kill(-(child.pid as number), 'SIGINT')
    await closed
  })
  let text = ''
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        text += chunk
        if (pattern.test(text)) resolve()
      })
    child.on('close', () => reject(new Error(`${command} ended:\n${text}`)))
  })
  return child
}

async function eventually<T>(what: () => Promise<T>, isRight: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await what()
    if (isRight(value)) return value
  }
}

test('the chapter runs as it is written', { timeout: LONGEST_MS }, async () => {
  const { code, commands } = await readChapter()
  const parent = await mkdtemp(join(tmpdir(), 'mto own application '))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  const directory = join(parent, 'purchases')

  const [make, init, install] = commands as [string, string, string]
  expect([make, install]).toEqual(['mkdir purchases && cd purchases', 'npm install ../mto'])
  await run('mkdir purchases', parent)
  await run(init, directory)
  await run(`npm install --no-audit --no-fund "${root}"`, directory)
  await writeFile(join(directory, 'app.ts'), code)

  const port = 20_000 + (process.pid % 10_000)
  const withPort = (command: string): string => command.replaceAll('8090', String(port))
  await runUntil(withPort(one(commands, /mto run .*--port/)), directory, /^ready http:/m)
  const [rice, beans] = commands.filter((command) => /mto produce/.test(command)) as [string, string]
  expect(await run(rice, directory)).toBe('1 record acknowledged\n')
  const totals = one(commands, /consume spent/)
  await eventually(
    () => run(totals, directory),
    (text) => / {2}asha {2}250\n$/.test(text),
  )
  expect(await run(beans, directory)).toBe('1 record acknowledged\n')
  const shown = await eventually(
    () => run(totals, directory),
    (text) => / {2}asha {2}350\n$/.test(text),
  )
  expect(shown.match(/ {2}asha {2}\d+/g)).toEqual(['  asha  250', '  asha  350'])
  expect(await run(one(commands, /consume purchases --json/), directory)).toMatch(
    /"key":"asha","value":\{"item":"rice","amount":250\}/,
  )
  expect(JSON.parse(await run(withPort(one(commands, /^curl/)), directory))).toMatchObject({
    store: 'totals',
    items: [{ key: 'asha', value: 350 }],
  })
})

test('the README runs as it is written, also after kill -9', { timeout: LONGEST_MS }, async () => {
  const text = await readFile(join(root, 'README.md'), 'utf8')
  const commands = [...text.matchAll(/```sh\n([\s\S]*?)```/g)]
    .flatMap(([, block = '']) => block.trim().split('\n'))
    .map((line) => line.replace(/ {2,}#.*$/, ''))
  const directory = await mkdtemp(join(tmpdir(), 'mto readme '))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const here = (command: string): string =>
    command.replace('npx mto', `node "${root}/cli/mto.js"`).replace('examples/', `"${root}"/examples/`)
  const start = here(one(commands, /mto run examples\/member-activity.ts --data/))
  const killed = await runUntil(start, directory, /^ready$/m)
  const [members, transactions] = commands.filter((command) => /mto produce/.test(command)) as [string, string]
  expect(await run(here(members), directory)).toBe('1 record acknowledged\n')
  process.kill(-(killed.pid as number), 'SIGKILL')
  await runUntil(start, directory, /^ready$/m)
  expect(await run(here(transactions), directory)).toBe('1 record acknowledged\n')
  const follow = here(one(commands, /mto consume limit-alerts --follow/))
  expect(await run(`${follow} --max 1 --timeout 120`, directory)).toMatch(
    / {2}member-7 {2}Wanjiku moved 6000 KES in a day\n$/,
  )
})
