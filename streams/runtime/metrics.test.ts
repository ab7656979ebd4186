import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMetricsRegistry, type MetricsRegistry, nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { createTestDriver } from '#testing'
import { parseTaskId } from '../base/index.ts'
import {
  createStreamsBuilder,
  type Processor,
  type ProcessorContext,
  type StreamRecord,
  serdes,
  type Topology,
} from '../index.ts'
import { NO_METRICS, type RecordingLevel, SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { resolveTopology } from './resolved-topology.ts'
import { StandbyTasks } from './standby-task.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

const TEXTS = { key: serdes.string, value: serdes.string } as const

let world: ThreadWorld
beforeEach(async () => {
  world = await createThreadWorld(['in'])
})
afterEach(() => world.close())

const value = (registry: MetricsRegistry, group: string, name: string): number | undefined => {
  const found = registry.samples().find((sample) => sample.group === group && sample.name === name)
  return found === undefined || found.kind === 'latency' ? undefined : found.value
}

function counts(): Topology {
  const builder = createStreamsBuilder()
  builder.stream('in', TEXTS).groupByKey().count({ store: 'counts' })
  return builder.build()
}

test('what is restored is counted, by task and by thread', async () => {
  const records = ['a', 'b', 'c'].map((key) => ({ key, value: 'v' }))
  await world.send('in', records)
  expect(await world.run(counts())).toBeUndefined()
  world.engine = createMemoryEngine()
  const registry = createMetricsRegistry()
  let atEnd: readonly (number | undefined)[] = []
  // The task is closed, and its metrics with it, when the thread ends.
  world.metrics = {
    ...registry,
    counter: (metric) => registry.counter(metric),
    latency: (metric) => registry.latency(metric),
    gauge: (metric, read) => registry.gauge(metric, read),
    remove: (tags) => {
      atEnd = ['restore-total', 'restore-remaining-records-total'].map((name) =>
        value(registry, 'stream-task-metrics', name),
      )
      registry.remove?.(tags)
    },
  }
  await world.send('in', [{ key: 'a', value: 'v' }])
  expect(await world.run(counts())).toBeUndefined()
  // Nothing is left to restore, so nothing is said of it.
  expect(atEnd).toEqual([3, undefined])
  const updater = (name: string) => value(registry, 'stream-state-updater-metrics', name)
  expect(updater('restore-records-total')).toBe(3)
  expect(updater('restore-call-total')).toBeGreaterThan(0)
  expect(updater('active-restoring-tasks')).toBe(0)
  expect(updater('active-restore-ratio')).toBeGreaterThanOrEqual(0)
})

test('standby tasks count what they copy and say what is left', async () => {
  await world.send(
    'in',
    ['a', 'b', 'c', 'd'].map((key) => ({ key, value: 'v' })),
  )
  expect(await world.run(counts())).toBeUndefined()
  const registry = createMetricsRegistry()
  const config = resolveConfig({ applicationId: 'app' })
  const topology = resolveTopology(counts(), config, { partitionsOf: () => 1, names: ['in'] })
  const standbys = new StandbyTasks({
    log: world.log,
    stateEngine: createMemoryEngine(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    config,
    threadName: 'app-2',
    metrics: registry,
  })
  const [id] = topology.tasks
  if (id === undefined) throw new Error('a task is there')
  expect(parseTaskId(id).partition).toBe(0)
  await standbys.open(id, topology)
  const task = (name: string) => value(registry, 'stream-task-metrics', name)
  expect(task('update-remaining-records-total')).toBeGreaterThanOrEqual(4)
  const deadlineMs = Date.now() + 5_000
  while (task('update-remaining-records-total') !== 0 && Date.now() < deadlineMs) await standbys.update(topology)
  expect(task('update-total')).toBe(4)
  expect(value(registry, 'stream-state-updater-metrics', 'standby-updating-tasks')).toBe(1)
  expect(value(registry, 'stream-state-updater-metrics', 'standby-update-total')).toBeGreaterThan(0)
  await standbys.close(id)
  expect(task('update-total')).toBeUndefined()
  await standbys.closeAll()
})

class Own implements Processor<string, string, never, never> {
  #count!: (size: number) => void

  init({ metrics }: ProcessorContext<never, never>): void {
    const own = { scope: 'fraud', entity: 'rules' } as const
    const hits = metrics.counter({
      ...own,
      operation: 'hits',
      description: 'Rules that fired',
      tags: { kind: 'velocity' },
    })
    const check = metrics.latency({ ...own, operation: 'check' })
    const size = metrics.values({ ...own, operation: 'size' })
    const traced = metrics.latency({ ...own, operation: 'traced', level: 'debug' })
    let last = 0
    metrics.gauge({ ...own, operation: 'last-size' }, () => last)
    this.#count = (bytes) => {
      hits.add(2)
      check.record(5)
      size.record(bytes)
      if (metrics.records('debug')) traced.record(1)
      last = bytes
    }
  }

  process({ value }: StreamRecord<string, string>): void {
    this.#count(value.length)
  }
}

test.each<RecordingLevel>(['info', 'debug'])("a processor's own metrics, at %s", (level) => {
  const registry = createMetricsRegistry({ level })
  const builder = createStreamsBuilder()
  builder.stream('in', TEXTS).process({ get: () => new Own() })
  const driver = createTestDriver(builder.build(), { applicationId: 'app', metrics: registry })
  driver.inputTopic('in', TEXTS).pipe('k', 'four')
  driver.inputTopic('in', TEXTS).pipe('k', 'to')
  const own = (name: string) => value(registry, 'stream-fraud-metrics', name)
  expect(['hits-total', 'check-total', 'size-max', 'size-min', 'size-avg', 'last-size'].map(own)).toEqual([
    4, 2, 4, 2, 3, 2,
  ])
  expect(
    ['hits-rate', 'check-rate', 'check-latency-avg', 'check-latency-max'].map((name) => (own(name) ?? 0) > 0),
  ).toEqual([true, true, true, true])
  expect(own('traced-total')).toBe(level === 'debug' ? 2 : undefined)
  const hits = registry.samples().find(({ name }) => name === 'hits-total')
  expect(hits).toMatchObject({
    description: 'Rules that fired',
    tags: { 'fraud-id': 'rules', kind: 'velocity', 'task-id': '0_0' },
  })
  // It goes with the task, and comes again with it.
  driver.crash()
  expect(own('hits-total')).toBe(0)
  driver.close()
  expect(own('hits-total')).toBeUndefined()
})

test('names of metrics that no system would take are refused', () => {
  const builder = createStreamsBuilder()
  const process = () => {}
  const init = ({ metrics }: ProcessorContext<never, never>) => {
    metrics.counter({ scope: 'My scope', entity: 'x', operation: 'y' })
  }
  builder.stream('in', TEXTS).process({ get: () => ({ init, process }) })
  expect(() => createTestDriver(builder.build(), { metrics: NO_METRICS })).toThrow("'My scope' is no name for a metric")
})

test('caches: how much they hold back, and how many reads memory answers', () => {
  const registry = createMetricsRegistry({ level: 'debug' })
  const driver = createTestDriver(counts(), {
    applicationId: 'app',
    metrics: registry,
    commitEvery: 100,
    config: { cacheBytesMax: 1e6 },
  })
  const input = driver.inputTopic('in', TEXTS)
  const cache = (name: string) => value(registry, 'stream-record-cache-metrics', name)
  const held = () => value(registry, 'stream-task-metrics', 'cache-size-bytes-total')
  expect(held()).toBe(0)
  for (const key of ['a', 'b', 'a', 'a']) input.pipe(key, 'v')
  // The first read of each key asks the engine.
  expect([cache('hit-ratio-min'), cache('hit-ratio-max'), cache('hit-ratio-avg')]).toEqual([
    0,
    0.5,
    expect.closeTo(5 / 24),
  ])
  expect(held()).toBeGreaterThan(100)
  driver.commit()
  expect(held()).toBe(0)
  const of = registry.samples().find(({ name }) => name === 'hit-ratio-avg')
  expect(of?.tags).toMatchObject({ 'task-id': '0_0', 'record-cache-id': 'counts' })
  driver.close()
})

test('a store in memory says how many keys it has', () => {
  const registry = createMetricsRegistry()
  const builder = createStreamsBuilder()
  builder.table('in', { ...TEXTS, store: { name: 'table', persistence: 'memory' } })
  const driver = createTestDriver(builder.build(), { applicationId: 'app', metrics: registry })
  for (const key of ['a', 'b', 'a']) driver.inputTopic('in', TEXTS).pipe(key, 'v')
  expect(value(registry, 'stream-state-metrics', 'num-keys')).toBe(2)
  driver.close()
})

test('of the time that its thread processes, the only task has all', async () => {
  const registry = createMetricsRegistry()
  let ratio: number | undefined
  world.metrics = {
    ...registry,
    counter: (metric) => registry.counter(metric),
    latency: (metric) => registry.latency(metric),
    gauge: (metric, read) => registry.gauge(metric, read),
    remove: (tags) => {
      ratio ??= value(registry, 'stream-task-metrics', 'active-process-ratio')
      registry.remove?.(tags)
    },
  }
  await world.send(
    'in',
    Array.from({ length: 2_000 }, (_, index) => ({ key: `k${index % 7}`, value: 'v' })),
  )
  expect(await world.run(counts())).toBeUndefined()
  expect(ratio).toBeCloseTo(1)
})
