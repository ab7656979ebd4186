import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createPrng, type Prng } from '#streams/base'
import { createProgram } from './program.ts'

/**
 * Every command with random flags, values and files: it ends with 1 or 2 and says why on standard error, without a
 * stack, and without having made or removed anything. In this process: what has to be spawned has its own tests.
 */
const SEED = Number(process.env.SEED ?? 20_261_120)
const CASES_PER_COMMAND = 60

let directory: string
const pick = <T>(prng: Prng, list: readonly T[]): T => list[prng.below(list.length)] as T

const VALUES = [
  '',
  ' ',
  '0',
  '-1',
  '1.5',
  '1e400',
  'NaN',
  'Infinity',
  '0x10',
  '99999999999999999999',
  'true',
  '[]',
  '{}',
  '..',
  '../..',
  '/',
  '漢字',
  '🙂',
  'a b',
  "'; rm -rf",
  '\n',
  '--',
  '-',
  'x'.repeat(5_000),
  'constructor',
  '__proto__',
  'null',
  'localhost',
  'localhost:0',
  ':9092',
  'a:b',
  'time:',
  'offset:-1',
  'offset:1e3',
  'latest ',
]

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'mto-cli-fuzz-'))
  const files: Readonly<Record<string, string>> = {
    'empty.ts': '',
    'syntax.ts': 'export const topology = {',
    'throws.ts': 'throw new Error("from the module")',
    'nothing.ts': 'export const other = 1',
    'wrong.ts': 'export const topology = 5; export const topics = "none"; export const config = null',
    'null.ts': 'export const topology = null',
    'function.ts': 'export const topology = () => undefined',
    'fails.ts': 'export const topology = () => { throw new Error("from the function") }',
    'topics.ts': 'export const topology = {}; export const topics = [{}, null, { name: 5, partitions: "many" }]',
    'users.json': '{"users":[{"id":"a","role":"none"}]}',
    'list.json': '[]',
    'labels.jsonl': '{"family":"none"}\n{',
    binary: '\u0000\u0001\ufffd',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

type Outcome = { readonly code: number; readonly stderr: string }

async function run(args: readonly string[]): Promise<Outcome> {
  let stderr = ''
  const keep = (text: string): void => {
    stderr += text
  }
  const onError = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text)
    return true
  })
  const onOutput = vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  process.exitCode = 0
  try {
    const program = createProgram()
    const all = [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]
    for (const command of all) command.exitOverride().configureOutput({ writeErr: keep, writeOut: () => {} })
    await program.parseAsync(['node', 'mto', ...args])
    return { code: Number(process.exitCode), stderr }
  } catch (error) {
    // What commander refuses, and help that was asked for.
    if (error instanceof CommanderError) return { code: error.exitCode, stderr }
    throw error
  } finally {
    process.exitCode = 0
    onError.mockRestore()
    onOutput.mockRestore()
  }
}

const file = (prng: Prng): string =>
  join(
    directory,
    pick(prng, [
      'empty.ts',
      'syntax.ts',
      'throws.ts',
      'nothing.ts',
      'wrong.ts',
      'null.ts',
      'function.ts',
      'fails.ts',
      'topics.ts',
      'users.json',
      'list.json',
      'labels.jsonl',
      'binary',
      'not-there.ts',
      '',
    ]),
  )

/** `mto run` builds a topology once `prepare` has had its log: by then the directory is there. */
function unloadable(prng: Prng): string {
  const path = file(prng)
  return /fun|fails/.test(path) ? join(directory, 'wrong.ts') : path
}

/** Arguments with which each command must fail before it does anything. */
type Plan = {
  readonly name: string
  readonly base: (prng: Prng) => readonly string[]
  readonly flags: readonly string[]
}
const kafkaFlags = ['--kafka', '--kafka-sasl', '--kafka-user', '--kafka-tls-ca']
const none = (): readonly string[] => []
const plans: readonly Plan[] = [
  {
    name: 'demo',
    base: none,
    flags: [
      '--port',
      '--registry-port',
      '--members',
      '--seed',
      '--speed',
      '--threads',
      '--log-level',
      '--host',
      '--auth',
      '--bogus',
    ],
  },
  {
    name: 'load',
    base: none,
    flags: [
      '--rate',
      '--seconds',
      '--events',
      '--seed',
      '--members',
      '--port',
      '--threads',
      '--commit-interval-ms',
      '--p95-max-ms',
      '--log-level',
      '--bogus',
    ],
  },
  { name: 'verify', base: (prng) => ['--data', file(prng)], flags: ['--threads', '--log-level', '--bogus'] },
  {
    name: 'evaluate',
    base: (prng) => ['--data', join(directory, 'absent'), '--labels', file(prng)],
    flags: ['--log-level', '--bogus'],
  },
  {
    name: 'topics',
    base: (prng) => [pick(prng, ['plan', 'apply']), file(prng)],
    flags: ['--replication-factor', '--bogus', ...kafkaFlags.slice(1)],
  },
  { name: 'acls', base: (prng) => [file(prng)], flags: ['--application-id', '--principal', '--bogus'] },
  { name: 'groups', base: none, flags: ['--bogus', ...kafkaFlags.slice(1)] },
  { name: 'lag', base: () => ['app'], flags: ['--bogus', ...kafkaFlags.slice(1)] },
  { name: 'reset', base: () => ['app'], flags: ['--to', '--topic', '--bogus', ...kafkaFlags.slice(1)] },
  { name: 'health', base: none, flags: ['--group', '--topic', '--lag-max', '--bogus', ...kafkaFlags.slice(1)] },
  {
    name: 'run',
    base: (prng) => [unloadable(prng)],
    flags: [
      '--application-id',
      '--threads',
      '--guarantee',
      '--commit-interval-ms',
      '--log-level',
      '--standbys',
      '--endpoint',
      '--host',
      '--auth',
      '--port',
      '--bogus',
    ],
  },
  {
    name: 'produce',
    base: (prng) => ['topic', file(prng), '--data', join(directory, 'absent')],
    flags: [
      '--format',
      '--key-format',
      '--key-separator',
      '--partition',
      '--timestamp',
      '--header',
      '--from-line',
      '--log-level',
      '--bogus',
      ...kafkaFlags.slice(1),
    ],
  },
  {
    name: 'consume',
    base: () => ['topic', '--data', join(directory, 'absent')],
    flags: [
      '--from',
      '--partition',
      '--max',
      '--timeout',
      '--isolation',
      '--format',
      '--key-format',
      '--log-level',
      '--bogus',
      ...kafkaFlags.slice(1),
    ],
  },
  { name: 'describe', base: (prng) => [file(prng)], flags: ['--bogus'] },
  { name: 'token', base: (prng) => ['--auth', file(prng)], flags: ['--id', '--role', '--expires', '--bogus'] },
]

function argumentsOf(prng: Prng, { name, base, flags }: Plan): readonly string[] {
  const args = [name, ...base(prng)]
  for (let i = prng.below(4); i > 0; i--) {
    args.push(pick(prng, flags))
    if (prng.below(8) > 0) args.push(pick(prng, VALUES))
  }
  // These two begin as soon as nothing is wrong with what they were given.
  if (name === 'demo' || name === 'load')
    args.push(
      ...pick(prng, [
        ['--members', '5'],
        ['--log-level', 'loud'],
        ['--members', ''],
        ['--threads', 'x'],
        ['--port', ''],
      ]),
      '--fresh',
      '--data',
      directory,
    )
  if (name === 'run') args.push('--data', join(directory, 'data'))
  return args
}

describe(`input fuzzing (seed ${SEED})`, () => {
  test.each(plans.map((plan) => [plan.name, plan] as const))('mto %s', { timeout: 30_000 }, async (name, plan) => {
    const before = readdirSync(directory).sort()
    const contents = before.map((each) => readFileSync(join(directory, each), 'utf8'))
    for (let i = 0; i < CASES_PER_COMMAND; i++) {
      const args = argumentsOf(createPrng(SEED + i), plan)
      const what = `SEED=${SEED + i}: mto ${args.map((each) => JSON.stringify(each.slice(0, 60))).join(' ')}`
      const { code, stderr } = await run(args)
      expect
        .soft([what, code], stderr.slice(0, 300))
        .toEqual([what, expect.toSatisfy((each: number) => each === 1 || each === 2)])
      expect.soft(stderr.trim().length, what).toBeGreaterThan(10)
      // Whose own function threw is told the line.
      if (!/'topology' of the module \S+ failed|the module \S+ cannot be loaded/.test(stderr))
        expect.soft(stderr, what).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
    }
    expect(readdirSync(directory).sort(), name).toEqual(before)
    expect(before.map((each) => readFileSync(join(directory, each), 'utf8'))).toEqual(contents)
  })
})

/** What went through, or failed with a stack or after something was removed, before it was refused. */
test.each<[string, readonly string[], RegExp]>([
  ['a blank port', ['demo', '--port', ''], /must be a port number/],
  ['more threads than slips of the finger make', ['run', 'm.ts', '--threads', '1000000'], /at most 256/],
  ['too few members, before --fresh removes anything', ['demo', '--fresh', '--members', '99'], /at least 100/],
  ['too many members, before --fresh removes anything', ['load', '--fresh', '--members', '1e7'], /at most 1000000/],
  ['an unknown log level, which would log nothing', ['verify', '--log-level', 'loud'], /Allowed choices are debug/],
  ['a lag that is no number, which nothing is below', ['health', '--lag-max', 'abc'], /whole number/],
  ['a replication factor that is no number', ['topics', 'plan', 'm.ts', '--replication-factor', 'abc'], /whole number/],
  ['an offset beyond all numbers', ['reset', 'app', '--to', 'offset:99999999999999999999'], /It must be earliest/],
  [
    'more records than there is time for',
    ['load', '--fresh', '--unpaced', '--events', '1e9', '--members', '100'],
    /take decades/,
  ],
  [
    'a file of users in a directory that is not there',
    ['token', '--auth', '/not-there/users.json', '--id', 'a', '--role', 'admin'],
    /^error ENOENT/,
  ],
])('%s is refused', async (_what, args, message) => {
  const kept = join(directory, 'log')
  mkdirSync(kept)
  const { code, stderr } = await run(args[0] === 'demo' || args[0] === 'load' ? [...args, '--data', directory] : args)
  expect([code, stderr]).toEqual([1, expect.stringMatching(message)])
  expect(stderr).not.toMatch(/^\s+at /m)
  // Throws if it is gone.
  rmSync(kept, { recursive: true })
})
