import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { partitionForKey, utf8Encode } from '#streams/base'
import { NO_HEADERS, SILENT_LOGGER } from '#streams/ports'
import {
  type ApplicationState,
  clientStates,
  type EmbeddedApplication,
  type EmbeddedApplicationOptions,
  startEmbeddedApplication,
} from './index.ts'

const MODULE = new URL('./testing/counting-application.ts', import.meta.url)
const PARTITIONS = 6
const open: { application: EmbeddedApplication; directory: string }[] = []

afterEach(async () => {
  for (const { application, directory } of open.splice(0)) {
    await application.stop().catch(() => {})
    await rm(directory, { recursive: true, force: true })
  }
})

async function start(options: Partial<EmbeddedApplicationOptions> = {}): Promise<EmbeddedApplication> {
  const directory = await mkdtemp(join(tmpdir(), 'mto-threads-'))
  const application = await startEmbeddedApplication({
    module: MODULE,
    applicationId: 'counting',
    dataDirectory: directory,
    logger: SILENT_LOGGER,
    options: { commitIntervalMs: 20, pollMs: 10, cacheBytesMax: 0 },
    ...options,
  })
  open.push({ application, directory })
  return application
}

const KEYS = Array.from({ length: 24 }, (_, index) => `key-${index}`)

async function write(application: EmbeddedApplication, values: readonly string[]): Promise<void> {
  const producer = await application.log.createProducer({ clientId: 'test', bufferBytesMax: 10_000_000 })
  await producer.prepareTopics(['in'])
  for (const value of values) {
    for (const key of KEYS) {
      const bytes = utf8Encode(key)
      producer.send('in', partitionForKey(bytes, PARTITIONS), bytes, utf8Encode(value), 1, NO_HEADERS)
    }
  }
  await producer.flush()
  await producer.close()
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = Date.now() + 20_000
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error('it did not happen within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Every count, or undefined while a task is on its way. */
async function counts(application: EmbeddedApplication): Promise<readonly unknown[] | undefined> {
  try {
    const { entries } = await application.query({ store: 'counts', kind: 'range', limit: 1000 })
    return entries.map(({ value }) => (value as { value: unknown }).value)
  } catch {
    return undefined
  }
}

async function untilAllAre(application: EmbeddedApplication, count: number): Promise<void> {
  await until(async () => {
    const found = await counts(application)
    return found?.length === KEYS.length && found.every((value) => value === count)
  })
}

async function tasksByThread(application: EmbeddedApplication): Promise<readonly number[]> {
  return (await application.threads()).map(({ tasks }) => tasks.filter(({ state }) => state === 'running').length)
}

describe('stream threads of a process', () => {
  test('come and go while records flow: tasks move, and every record is counted once', {
    timeout: 60_000,
  }, async () => {
    const states: ApplicationState[] = []
    const application = await start({ onState: (state) => states.push(state) })
    await application.ready
    await write(application, ['x'])
    const added = application.addThread()
    await write(application, ['x', 'x'])
    await until(async () => (await tasksByThread(application)).join() === '3,3')
    application.addThread()
    await write(application, ['x'])
    await untilAllAre(application, 4)
    await until(async () => (await tasksByThread(application)).join() === '2,2,2')
    expect(await application.removeThread(added)).toBe('counting-2')
    await write(application, ['x'])
    await untilAllAre(application, 5)
    await until(async () => (await tasksByThread(application)).join() === '3,3')
    const state = await application.queryState({ store: 'counts', query: { kind: 'key', key: 'key-1' } })
    expect(Object.keys(state.partitions)).toEqual(['0', '1', '2', '3', '4', '5'])
    const found = Object.values(state.partitions).flatMap((each) => (each.isSuccess ? each.entries : []))
    expect(found).toEqual([{ key: 'key-1', value: 5 }])
    const lags = await application.storeLags()
    expect(lags.map(({ partition }) => partition).sort()).toEqual([0, 1, 2, 3, 4, 5])
    expect(lags.every(({ store, lag }) => store === 'counts' && lag === 0)).toBe(true)
    expect(await application.removeThread('no-such-thread')).toBeUndefined()
    expect(await application.stop()).toBe(true)
    const javaStates = states.map((state) => clientStates[state])
    expect(javaStates.slice(0, states.indexOf('running') + 1)).toEqual(
      states
        .slice(0, states.indexOf('running'))
        .map(() => 'REBALANCING')
        .concat('RUNNING'),
    )
    expect(javaStates.slice(-2)).toEqual(['PENDING_SHUTDOWN', 'NOT_RUNNING'])
    expect(states.at(-1)).toBe('stopped')
  })

  test('a paused application processes nothing, and goes on where it was', async () => {
    const application = await start({ threads: 2 })
    await application.ready
    application.pause()
    await write(application, ['x'])
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await counts(application)).toEqual([])
    expect((await application.threads()).every(({ isPaused }) => isPaused)).toBe(true)
    const added = application.addThread()
    await until(async () => (await application.threads()).some(({ name, tasks }) => name === added && tasks.length > 0))
    expect((await counts(application)) ?? []).toEqual([])
    application.resume()
    await untilAllAre(application, 1)
  })

  test('a thread that fails is replaced where the handler says so, and nothing is lost or counted twice', async () => {
    const failures: string[] = []
    const application = await start({
      threads: 2,
      onThreadFailure: (error, thread) => {
        failures.push(`${thread}: ${String(error).slice(0, 60)}`)
        process.env.MTO_TEST_POISON_TAKEN = failures.length >= 2 ? '1' : '0'
        return 'replace-thread'
      },
    })
    await application.ready
    await write(application, ['x', 'poison', 'x'])
    await untilAllAre(application, 3)
    expect(failures.length).toBeGreaterThanOrEqual(1)
    expect(application.state).toBe('running')
    delete process.env.MTO_TEST_POISON_TAKEN
  })

  test('by default a failing thread ends the application with its error', async () => {
    const states: ApplicationState[] = []
    const application = await start({ threads: 2, onState: (state) => states.push(state) })
    await application.ready
    await write(application, ['poison'])
    await expect(application.finished).rejects.toThrow(/poison/)
    expect(states.slice(-2)).toEqual(['failing', 'failed'])
  })

  test('replacements are bounded', async () => {
    let failures = 0
    const application = await start({
      threadReplacementsMax: 2,
      onThreadFailure: () => {
        failures++
        return 'replace-thread'
      },
    })
    await application.ready
    await write(application, ['poison'])
    await expect(application.finished).rejects.toThrow(/poison/)
    expect(failures).toBe(3)
  })

  test("Java's metrics are there under its names, those of stores and nodes from debug on", async () => {
    const names = async (recordingLevel: 'info' | 'debug') => {
      const application = await start({ recordingLevel })
      await application.ready
      await write(application, ['x', 'x'])
      await untilAllAre(application, 2)
      const samples = await application.samples()
      await application.stop()
      const tagged = samples.map(({ group, name }) => `${group}:${name}`)
      return { samples, all: new Set(tagged) }
    }
    const info = await names('info')
    const expected = [
      'stream-metrics:alive-stream-threads',
      'stream-metrics:client-state',
      'stream-thread-metrics:commit-latency-avg',
      'stream-thread-metrics:commit-rate',
      'stream-thread-metrics:poll-records-max',
      'stream-thread-metrics:process-ratio',
      'stream-thread-metrics:task-created-total',
      'stream-thread-metrics:blocked-time-ns-total',
      'stream-task-metrics:process-total',
      'stream-task-metrics:dropped-records-rate',
      'stream-task-metrics:active-buffer-count',
      'stream-topic-metrics:bytes-consumed-total',
      'stream-topic-metrics:records-produced-total',
      'stream-processor-node-metrics:record-e2e-latency-min',
      'stream-state-metrics:num-open-iterators',
    ]
    expect(expected.filter((name) => !info.all.has(name))).toEqual([])
    const debugOnly = [
      'stream-processor-node-metrics:process-rate',
      'stream-state-metrics:get-latency-avg',
      'stream-state-metrics:put-rate',
      'stream-state-metrics:iterator-duration-max',
      'stream-task-metrics:record-lateness-avg',
    ]
    expect(debugOnly.filter((name) => info.all.has(name))).toEqual([])
    const debug = await names('debug')
    expect([...expected, ...debugOnly].filter((name) => !debug.all.has(name))).toEqual([])
    const total = (samples: typeof debug.samples, name: string, topic: string): number =>
      samples.reduce(
        (sum, sample) =>
          sample.name === name && sample.tags['topic-name'] === topic && 'value' in sample ? sum + sample.value : sum,
        0,
      )
    expect(total(info.samples, 'records-consumed-total', 'in')).toBe(2 * KEYS.length)
    expect(total(info.samples, 'records-produced-total', 'out')).toBe(2 * KEYS.length)
  })

  test('threads that take too long to stop are ended where they are, and the next start goes on', async () => {
    const first = await start()
    await first.ready
    await write(first, ['x', 'x'])
    expect(await first.stop({ timeoutMs: 0 })).toBe(false)
    expect(first.state).toBe('stopped')
    const { directory } = open.splice(0, 1)[0] as (typeof open)[number]
    const second = await start({ dataDirectory: directory })
    await second.ready
    await untilAllAre(second, 2)
    expect(await second.stop({ timeoutMs: 20_000 })).toBe(true)
    await rm(directory, { recursive: true, force: true })
  })

  test('restores are told step by step', async () => {
    const first = await start()
    await first.ready
    await write(first, ['x', 'x'])
    await untilAllAre(first, 2)
    await first.stop()
    const { directory } = open.splice(0, 1)[0] as (typeof open)[number]
    await rm(join(directory, 'state'), { recursive: true })
    const events: string[] = []
    const second = await start({
      dataDirectory: directory,
      onRestore: ({ kind, store }) => events.push(`${kind} ${store}`),
    })
    await second.ready
    expect(new Set(events)).toEqual(new Set(['start counts', 'batch counts', 'end counts']))
    await second.stop()
    await rm(directory, { recursive: true, force: true })
  })
})
