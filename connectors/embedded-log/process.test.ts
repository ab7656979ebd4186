import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createPrng } from '#streams/base'
import { SILENT_LOGGER } from '#streams/ports'
import { type EmbeddedLog, openEmbeddedLog } from './index.ts'
import { createTopic, produce, readTexts } from './testing/tools.ts'

const WRITER = fileURLToPath(new URL('./testing/writer-process.ts', import.meta.url))

async function newDirectory(): Promise<string> {
  const parent = await mkdtemp(path.join(tmpdir(), 'mto embedded log '))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  return path.join(parent, 'log')
}

/** Starts the process and counts the lines that it prints; `open` comes when it owns the directory. */
async function startWriter(directory: string, mode = ''): Promise<{ child: ChildProcess; last: () => number }> {
  const child = spawn(process.execPath, [WRITER, directory, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stdout?.setEncoding('utf8')
  const opened = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: string) => {
      text += chunk
      if (text.startsWith('open')) resolve()
    })
  })
  await opened
  // An incomplete last line was printed by a process that was killed: it does not count.
  return { child, last: () => Number(text.split('\n').at(-2)?.replace('open', '0')) }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close')
  child.kill('SIGKILL')
  await ended
}

function open(directory: string): Promise<EmbeddedLog> {
  return openEmbeddedLog({ directory, logger: SILENT_LOGGER, fsyncIntervalMs: 0, maintenanceIntervalMs: 0 })
}

describe('one owner per directory', () => {
  test("a second owner is refused with the first one's process and the directory, also in the same process", async () => {
    const directory = await newDirectory()
    const owner = await open(directory)
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(open(directory)).rejects.toMatchObject({
        code: 'DIRECTORY_LOCKED',
        message: expect.stringMatching(new RegExp(`${directory}.*process ${process.pid}`)),
      })
    }
    await owner.close()
    await (await open(directory)).close()
  })

  test('another process is refused while the owner lives, and takes over when it was killed', async () => {
    const directory = await newDirectory()
    const { child } = await startWriter(directory, 'wait')
    await expect(open(directory)).rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
      message: expect.stringContaining(`process ${child.pid}`),
    })
    await kill(child)
    await (await open(directory)).close()
  })
})

test('kill -9 under load, again and again: nothing acknowledged is lost, no transaction is torn', async () => {
  const directory = await newDirectory()
  const prng = createPrng(7)
  for (let round = 0; round < 5; round++) {
    const { child, last } = await startWriter(directory)
    await new Promise((resolve) => setTimeout(resolve, 50 + prng.below(150)))
    await kill(child)
    const owner = await open(directory)
    const log = owner.connect()
    const [committed] = await log.admin.committedOffsets('g')
    const transactions = committed?.offset ?? 0
    expect(transactions).toBeGreaterThanOrEqual(last())
    const texts = (await readTexts(log, 't')).map((text) => Number(text.split('=')[1]))
    expect(texts).toEqual(Array.from({ length: transactions * 10 }, (_, i) => Math.floor(i / 10) + 1))
    await owner.close()
  }
})

test('a worker thread reads, writes and commits through its port', async () => {
  const owner = await open(await newDirectory())
  const log = owner.connect()
  await createTopic(log, 'in')
  await createTopic(log, 'out')
  const port = owner.port()
  const worker = new Worker(new URL('./testing/reader-worker.ts', import.meta.url), {
    workerData: { port },
    transferList: [port],
  })
  const done = once(worker, 'message')
  for (let i = 0; i < 10; i++)
    await produce(
      log,
      'in',
      Array.from({ length: 20 }, (_, j) => `k=v${i * 20 + j}`),
    )
  await produce(log, 'in', ['k=end'])
  await done
  await once(worker, 'exit')
  const expected = [...Array.from({ length: 200 }, (_, i) => `${i}:=V${i}`), '200:=END']
  expect(await readTexts(log, 'out')).toEqual(expected)
  expect(await log.admin.committedOffsets('g')).toEqual([
    { topic: 'in', partition: 0, offset: 201, metadata: 'from a worker' },
  ])
  await owner.close()
})
