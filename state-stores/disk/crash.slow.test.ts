import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPrng, readInt32 } from '#streams/base'
import {
  CELLS,
  createPersistentEngine,
  DATABASE,
  KEYSPACES,
  LOG_KEPT,
  numberBytes,
  type PersistentEngineName,
  POSITION_KEY,
} from './crash-writer.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const ROUNDS = 10
const WRITER = fileURLToPath(new URL('./crash-writer.ts', import.meta.url))
const ENGINES: readonly PersistentEngineName[] = ['rocksdb', 'lmdb']

describe.each(ENGINES)('%s in a process that is killed', (engineName) => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>

  beforeEach(async () => {
    directory = await temporaryDirectory()
  })

  afterEach(() => directory.remove())

  test('has whole batches only, none lost, in ten rounds on one directory', { timeout: 60_000 }, async () => {
    const prng = createPrng(1)
    let positionBefore = 0
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await writeAndKill(engineName, directory.path, 1 + prng.below(120))
      const position = await checkedPosition(engineName, directory.path)
      expect(position).toBeGreaterThanOrEqual(acknowledged)
      // The kill may fall between the write and the print.
      expect(position).toBeLessThanOrEqual(acknowledged + 1)
      expect(position).toBeGreaterThan(positionBefore)
      positionBefore = position
    }
  })

  test('cannot be opened or destroyed by another process while it runs, and can after it', async () => {
    const engine = createPersistentEngine(engineName, directory.path)
    let refusals = 0
    await writeAndKill(engineName, directory.path, 1, async () => {
      for (const attempt of [() => engine.open(DATABASE, KEYSPACES), () => engine.destroy(DATABASE)]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'DIRECTORY_LOCKED',
          message: expect.stringContaining(directory.path),
        })
        refusals++
      }
    })
    expect(refusals).toBe(2)
    expect(await checkedPosition(engineName, directory.path)).toBeGreaterThan(0)
    await engine.destroy(DATABASE)
    expect(await engine.list()).toEqual([])
  })
})

/**
 * The shell's limit on file sizes, in blocks of 512 bytes: room for one batch and not for two. RocksDB reports it at
 * the log, LMDB at the data file.
 */
const SIZE_LIMITS: readonly { engineName: PersistentEngineName; blocks: number; codes: RegExp }[] = [
  { engineName: 'rocksdb', blocks: 300, codes: /^DISK_FULL: / },
  // LMDB calls a write that was cut short an I/O error.
  { engineName: 'lmdb', blocks: 800, codes: /^DISK_(FULL|FAILED): / },
]

test.each(SIZE_LIMITS)(
  '$engineName where a file cannot grow: an error that names the directory, and whole batches only',
  async ({ engineName, blocks, codes }) => {
    const directory = await temporaryDirectory()
    const command = `ulimit -f ${blocks}; exec "$0" "$@"`
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', command, process.execPath, WRITER, engineName, directory.path],
      { encoding: 'utf8' },
    )
    expect(stderr).toMatch(codes)
    expect(stderr).toContain(directory.path)
    expect(status).toBe(3)
    const acknowledged = Number(stdout.trim().split('\n').at(-1))
    expect(acknowledged).toBeGreaterThan(0)
    expect(await checkedPosition(engineName, directory.path)).toBe(acknowledged)
    await directory.remove()
  },
)

/** Kills the writer some milliseconds after its first batch; the last number that it printed. */
async function writeAndKill(
  engineName: string,
  directory: string,
  delayMs: number,
  whileRunning?: () => Promise<void>,
): Promise<number> {
  const writer = spawn(process.execPath, [WRITER, engineName, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  writer.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk
  })
  const closed = once(writer, 'close')
  try {
    await Promise.race([once(writer.stdout, 'data'), closed])
    await whileRunning?.()
    await new Promise((resolve) => setTimeout(resolve, delayMs))
  } finally {
    writer.kill('SIGKILL')
  }
  const [, signal] = (await closed) as [unknown, string]
  expect(signal).toBe('SIGKILL')
  return Number(printed.slice(0, printed.lastIndexOf('\n')).split('\n').at(-1))
}

/** Opens what the killed process left, checks that it is the state after one batch, and returns which. */
async function checkedPosition(engineName: string, directory: string): Promise<number> {
  const database = await createPersistentEngine(engineName, directory).open(DATABASE, KEYSPACES)
  try {
    const stored = database.keyspace('position').get(POSITION_KEY)
    const position = stored === undefined ? 0 : readInt32(stored, 0)
    const cells = database.keyspace('cells').getMany(Array.from({ length: CELLS }, (_, cell) => numberBytes(cell)))
    expect(new Set(cells.map((value) => value && readInt32(value, 0)))).toEqual(new Set([position]))
    const iterator = database.keyspace('log').iterate({})
    const log: number[] = []
    while (iterator.next()) log.push(readInt32(iterator.key, 0))
    iterator.close()
    const oldest = Math.max(1, position - LOG_KEPT + 1)
    expect(log).toEqual(Array.from({ length: position - oldest + 1 }, (_, i) => oldest + i))
    return position
  } finally {
    await database.close()
  }
}
