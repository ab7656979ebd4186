import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { serdes } from '#streams'
import { utf8Encode } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'
import { readTopics } from '../crash/read-all.ts'
import { topics } from './application.ts'
import { withLog } from './with-log.ts'

/** What goes wrong in the world: a clear message each, a non-zero exit, nothing damaged, nothing silently skipped. */
const cli = fileURLToPath(new URL('../../cli/mto.ts', import.meta.url))
const strict = fileURLToPath(new URL('./application.ts', import.meta.url))
const lenient = fileURLToPath(new URL('./lenient-application.ts', import.meta.url))

const directories: string[] = []
function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mto-failure-'))
  directories.push(directory)
  return directory
}
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

type Ended = { readonly code: number | null; readonly output: string; readonly errors: string }
type Started = { readonly ended: Promise<Ended>; readonly ready: Promise<void>; stop(): void }

function start(module: string, directory: string): Started {
  const child = spawn(process.execPath, [cli, 'run', module, '--data', directory, '--application-id', 'failures'])
  let output = ''
  let errors = ''
  const ready = Promise.withResolvers<void>()
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (output.includes('ready')) ready.resolve()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, output, errors })))
  ended.then(({ errors: said }) => ready.reject(new Error(said)))
  ready.promise.catch(() => {})
  return { ended, ready: ready.promise, stop: () => child.kill('SIGTERM') }
}

async function write(directory: string, values: readonly (number | Uint8Array)[]): Promise<void> {
  await withLog(join(directory, 'log'), async (log) => {
    await log.admin.createTopics(topics)
    const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 10_000_000 })
    await producer.prepareTopics(['numbers'])
    for (const value of values) {
      const bytes = typeof value === 'number' ? serdes.int64.serialize(value, 'numbers') : value
      producer.send('numbers', 0, utf8Encode('a'), bytes, 1, NO_HEADERS)
    }
    await producer.flush()
  })
}

/** Runs until the sums are what is expected (or time is up), then stops. */
async function sumsOf(directory: string): Promise<readonly number[]> {
  const found = await readTopics(join(directory, 'log'), ['sums'])
  return (found.get('sums') ?? []).flat().map(({ value }) => Number.parseInt(value, 16))
}

async function runBriefly(module: string, directory: string): Promise<Ended> {
  const running = start(module, directory)
  await running.ready.catch(() => {})
  setTimeout(running.stop, 700)
  return running.ended
}

function digest(directory: string): string {
  const hash = createHash('sha256')
  for (const file of readdirSync(directory, { recursive: true }).map(String).sort()) {
    const path = join(directory, file)
    if (statSync(path).isFile()) hash.update(file).update(readFileSync(path))
  }
  return hash.digest('hex')
}

function tryMount(directory: string, options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const canMount = ((): boolean => {
  const directory = dataDirectory()
  if (!tryMount(directory, 'size=1m')) return false
  execFileSync('umount', [directory])
  return true
})()
if (!canMount)
  process.stderr.write(
    'SKIPPED: tests of a full and of a read-only disk, since this user may not mount a file system\n',
  )

describe('failures of the world', () => {
  test('a second process on the same directory is refused, and the first goes on', async () => {
    const directory = dataDirectory()
    const first = start(strict, directory)
    await first.ready
    const second = await start(strict, directory).ended
    expect(second.code).toBe(1)
    expect(second.errors).toMatch(/error DIRECTORY_LOCKED: .*process \d+/)
    expect(second.errors).toContain(directory)
    first.stop()
    expect((await first.ended).code).toBe(0)
  })

  test('an unreadable record ends the process by default, naming the record; nothing is skipped', async () => {
    const directory = dataDirectory()
    await write(directory, [1, 2, new Uint8Array([9, 9]), 3])
    const ended = await runBriefly(strict, directory)
    expect(ended.code).toBe(1)
    expect(ended.errors).toMatch(/error RECORD_UNREADABLE: the record at numbers-0@2 could not be read/)
    expect(ended.errors).toMatch(/exception handler/)
    const sums = await sumsOf(directory)
    expect([[], [1, 3]]).toContainEqual(sums)
    const again = await runBriefly(strict, directory)
    expect(again.code).toBe(1)
    expect(again.errors).toMatch(/numbers-0@2/)
  })

  test('with a dead-letter topic the unreadable record goes there and the stream goes on', async () => {
    const directory = dataDirectory()
    await write(directory, [1, 2, new Uint8Array([9, 9]), 3])
    const ended = await runBriefly(lenient, directory)
    expect(ended.code).toBe(0)
    expect(ended.errors).toMatch(/Skipped: the record at numbers-0@2/)
    expect((await sumsOf(directory)).at(-1)).toBe(6)
    const dead = await readTopics(join(directory, 'log'), ['dead'])
    expect(dead.get('dead')?.flat()).toEqual([{ key: '61', value: '0909', timestampMs: 1 }])
  })

  test('a damaged segment stops the start, naming file and position, and nothing is changed', async () => {
    const directory = dataDirectory()
    await write(
      directory,
      Array.from({ length: 5000 }, (_, index) => index),
    )
    const segment = segmentOf(join(directory, 'log'), 'numbers')
    const good = readFileSync(segment)
    const damaged = Buffer.from(good)
    const at = Math.floor(good.length / 2)
    damaged[at] = (damaged[at] as number) ^ 0xff
    writeFileSync(segment, damaged)
    const before = digest(directory)
    const ended = await start(strict, directory).ended
    expect(ended.code).toBe(1)
    expect(ended.errors).toMatch(/error LOG_CORRUPTED: /)
    expect(ended.errors).toContain(segment.split('/').at(-1))
    expect(ended.errors).toMatch(/position \d+|byte \d+/)
    expect(segmentBytes(segment)).toEqual(damaged)
    expect(digest(directory)).toBe(before)
    writeFileSync(segment, good)
    expect((await runBriefly(strict, directory)).code).toBe(0)
    expect((await sumsOf(directory)).at(-1)).toBe((5000 * 4999) / 2)
  })

  test.skipIf(!canMount)('a full disk ends the process with a clear message; with room it goes on, whole', async () => {
    const directory = dataDirectory()
    await write(
      directory,
      Array.from({ length: 60_000 }, () => 1),
    )
    const mounted = dataDirectory()
    expect(tryMount(mounted, 'size=1300k')).toBe(true)
    try {
      cpSync(join(directory, 'log'), join(mounted, 'log'), { recursive: true })
      const running = start(strict, mounted)
      const timer = setTimeout(running.stop, 10_000)
      const ended = await running.ended
      clearTimeout(timer)
      expect(ended.code).toBe(1)
      expect(ended.errors).toMatch(/error DISK_FULL: .*Free space/)
      const roomy = dataDirectory()
      cpSync(mounted, roomy, { recursive: true })
      expect((await runBriefly(strict, roomy)).code).toBe(0)
      const sums = await sumsOf(roomy)
      expect(sums).toEqual(Array.from({ length: 60_000 }, (_, index) => index + 1))
    } finally {
      execFileSync('umount', ['-l', mounted])
    }
  })

  test.skipIf(!canMount)('a read-only data directory ends the process with a clear message', async () => {
    const mounted = dataDirectory()
    expect(tryMount(mounted, 'size=1m,ro')).toBe(true)
    try {
      const ended = await start(strict, mounted).ended
      expect(ended.code).toBe(1)
      expect(ended.errors).toMatch(/error DISK_READ_ONLY: /)
    } finally {
      execFileSync('umount', [mounted])
    }
  })

  test('a topic that is missing, a wrong setting, a module without a topology: each says what to do', async () => {
    const missing = await start(join(import.meta.dirname, 'missing.ts'), dataDirectory()).ended
    expect(missing).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/TOPOLOGY_INVALID: the module .* cannot be loaded/),
    })
    const noTopology = await start(join(import.meta.dirname, 'with-log.ts'), dataDirectory()).ended
    expect(noTopology).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/exports no 'topology'.*it exports: withLog/),
    })
  })
})

function segmentOf(log: string, topic: string): string {
  const files = readdirSync(log, { recursive: true }).map(String)
  const segment = files
    .filter((file) => file.includes(topic) && file.endsWith('.log'))
    .map((file) => join(log, file))
    .sort((left, right) => statSync(right).size - statSync(left).size)[0]
  if (segment === undefined || !existsSync(segment)) throw new Error(`no segment of ${topic} among ${files.join(', ')}`)
  return segment
}

function segmentBytes(segment: string): Buffer {
  return readFileSync(segment)
}
