import { describe, expect, test } from 'vitest'
import { createStreamsBuilder, joinWindows, nullable, ON_WINDOW_CLOSE, serdes, tumblingWindows } from '#streams'
import { hexOf, taskId } from '#streams/base'
import { createTestDriver } from '../test-driver/index.ts'
import { createThreadScenario } from './thread-scenario.ts'

/** What the simulator has found, each as small as it could be made. */
const HOUR_MS = 3_600_000
const text = nullable(serdes.string)
const TEXT = { key: text, value: text } as const

describe('found by simulation', () => {
  test('unmatched results of an outer join come out although the wall clock was set back', () => {
    const builder = createStreamsBuilder()
    const windows = joinWindows({ beforeMs: 1_000, afterMs: 1_000, graceMs: 0 })
    builder
      .stream('left', TEXT)
      .outerJoin(builder.stream('right', TEXT), (left, right) => `${left}+${right}`, windows, { value: text })
      .to('out')
    const driver = createTestDriver(builder.build(), { startMs: 10 * HOUR_MS })
    const left = driver.inputTopic('left', TEXT)
    const out = driver.outputTopic('out', TEXT)
    left.pipe('a', 'first', 0)
    left.pipe('a', 'second', 10_000)
    expect(out.readAll().map(({ value }) => value)).toEqual(['first+null'])
    driver.advanceWallClock(-5 * HOUR_MS)
    left.pipe('a', 'third', 20_000)
    expect(out.readAll().map(({ value }) => value)).toEqual(['second+null'])
    driver.close()
  })

  test('closed windows are sent although the wall clock was set back', () => {
    const builder = createStreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey({ key: serdes.string })
      .windowedBy(tumblingWindows({ sizeMs: 1_000, graceMs: 0 }))
      .emitStrategy(ON_WINDOW_CLOSE)
      .count({ store: { name: 'windows', retentionMs: HOUR_MS } })
      .toStream()
      .map((window) => ({ key: window.key, value: String(window.window.startMs) }), TEXT)
      .to('out')
    const driver = createTestDriver(builder.build(), { startMs: 10 * HOUR_MS })
    const input = driver.inputTopic('in', TEXT)
    const out = driver.outputTopic('out', TEXT)
    input.pipe('a', 'first', 0)
    input.pipe('a', 'second', 5_000)
    driver.advanceWallClock(2_000)
    input.pipe('a', 'third', 10_000)
    driver.advanceWallClock(-5 * HOUR_MS)
    input.pipe('a', 'fourth', 15_000)
    expect(out.readAll().map(({ value }) => value)).toEqual(['0', '5000', '10000'])
    driver.close()
  })

  test('a task with an empty input goes on although the wall clock was set back', () => {
    const builder = createStreamsBuilder()
    builder.stream('left', TEXT).merge(builder.stream('right', TEXT)).to('out')
    const driver = createTestDriver(builder.build(), { startMs: 10 * HOUR_MS })
    const left = driver.inputTopic('left', TEXT)
    const out = driver.outputTopic('out', TEXT)
    left.pipe('a', 'before', 0)
    driver.advanceWallClock(-5 * HOUR_MS)
    left.pipe('a', 'after', 1)
    expect(out.readAll().map(({ value }) => value)).toEqual(['before', 'after'])
    driver.close()
  })

  test('what lost tasks have sent does not come with the next commit', async () => {
    const scenario = createThreadScenario(copyTopology(), ['in', 'out'], { partitions: 2, commitIntervalMs: 1_000 })
    scenario.assign([taskId(0, 0), taskId(0, 1)])
    await scenario.run(500)
    scenario.append('in', 0, 'a', 'sent, then lost')
    await scenario.run(100)
    scenario.lose()
    scenario.assign([taskId(0, 1)])
    scenario.append('in', 1, 'b', 'kept')
    await scenario.run(3_000)
    expect(scenario.failure()).toBeUndefined()
    expect([...scenario.values('out', 0), ...scenario.values('out', 1)]).toEqual(['kept'])
  })

  test('a thread outlives a log that is away for longer than one attempt to open its tasks again', async () => {
    const scenario = createThreadScenario(copyTopology(), ['in', 'out'], { partitions: 1, commitIntervalMs: 50 })
    scenario.assign([taskId(0, 0)])
    await scenario.run(500)
    scenario.process.unreachableUntilMs = 10_000
    scenario.append('in', 0, 'a', 'first')
    await scenario.run(15_000)
    expect(scenario.failure()).toBeUndefined()
    expect(scenario.values('out', 0)).toEqual(['first'])
  })

  test('a thread whose position was deleted goes on where the log begins', async () => {
    const scenario = createThreadScenario(copyTopology(), ['in', 'out'], { partitions: 1, commitIntervalMs: 50 })
    scenario.assign([taskId(0, 0)])
    for (const value of ['0', '1']) scenario.append('in', 0, 'a', value)
    await scenario.run(1_000)
    scenario.process.stalledUntilMs = 3_000
    for (const value of ['2', '3', '4']) scenario.append('in', 0, 'a', value)
    scenario.core.deleteRecords([{ topic: 'in', partition: 0, offset: 4 }])
    await scenario.run(5_000)
    expect(scenario.failure()).toBeUndefined()
    expect(scenario.values('out', 0).slice(-1)).toEqual(['4'])
  })

  test('a commit by the owner before does not look like an offset past the end of its partition', async () => {
    const scenario = createThreadScenario(copyTopology(), ['in', 'out'], { partitions: 1, commitIntervalMs: 50 })
    await scenario.run(500)
    // The answer with the committed offsets takes so long that another member commits meanwhile.
    const fault = { atMs: 0, member: 0, kind: 'delay', operation: 'read-offsets', delayMs: 800 } as const
    scenario.process.arm(fault, 'read-offsets')
    scenario.assign([taskId(0, 0)])
    await scenario.run(400)
    scenario.append('in', 0, 'a', 'by another')
    scenario.core.commitOffsets('another', 'scenario', [{ topic: 'in', partition: 0, offset: 1, metadata: '' }])
    await scenario.run(3_000)
    scenario.append('in', 0, 'a', 'ours')
    await scenario.run(1_000)
    expect(scenario.failure()).toBeUndefined()
    expect(scenario.values('out', 0)).toEqual(['ours'])
  })

  describe.each(['exactly_once_v2', 'at_least_once'] as const)('a topic that only a record names (%s)', (guarantee) => {
    const builder = createStreamsBuilder()
    builder.stream('in', TEXT).to((_key, value) => `out-${value}`)
    const topology = builder.build()
    const options = { partitions: 1, commitIntervalMs: 50, processingGuarantee: guarantee } as const

    test('is written to', async () => {
      const scenario = createThreadScenario(topology, ['in', 'out-a', 'out-b'], options)
      scenario.assign([taskId(0, 0)])
      for (const value of ['a', 'b', 'a']) scenario.append('in', 0, 'key', value)
      await scenario.run(5_000)
      expect(scenario.failure()).toBeUndefined()
      expect(scenario.values('out-b', 0)).toEqual(['b'])
      // What was given up is done again; only without transactions can that be seen.
      if (guarantee === 'exactly_once_v2') expect(scenario.values('out-a', 0)).toEqual(['a', 'a'])
      else expect(scenario.values('out-a', 0).length).toBeGreaterThanOrEqual(2)
    })

    test('ends the thread where it does not exist, naming node and topic', async () => {
      const scenario = createThreadScenario(topology, ['in'], options)
      scenario.assign([taskId(0, 0)])
      scenario.append('in', 0, 'key', 'a')
      await scenario.run(5_000)
      expect(String(scenario.failure())).toMatch(/SINK.* writes to topic out-a, which does not exist/)
    })
  })

  test('duplicates of a window store have the same numbers with a restore in between', () => {
    const changelogKeys = (crashes: boolean): readonly string[] => {
      const builder = createStreamsBuilder()
      const windows = joinWindows({ beforeMs: 1_000, afterMs: 1_000, graceMs: 0 })
      builder
        .stream('left', TEXT)
        .join(builder.stream('right', TEXT), (left, right) => `${left}+${right}`, windows, { value: text, name: 'j' })
        .to('out')
      const driver = createTestDriver(builder.build())
      const left = driver.inputTopic('left', TEXT)
      left.pipe('a', 'one', HOUR_MS)
      left.pipe('a', 'far too late', 0)
      if (crashes) driver.crashAndLoseState()
      left.pipe('a', 'two', HOUR_MS)
      const raw = { ...serdes.string, deserialize: (bytes: Uint8Array) => hexOf(bytes, bytes.length) }
      const topic = driver.topics().find((name) => name.includes('JOINTHIS')) as string
      const keys = driver
        .outputTopic(topic, { key: raw, value: text })
        .readAll()
        .map(({ key }) => key)
      driver.close()
      return keys
    }
    expect(changelogKeys(false)).toHaveLength(2)
    expect(changelogKeys(true)).toEqual(changelogKeys(false))
  })
})

function copyTopology() {
  const builder = createStreamsBuilder()
  builder.stream('in', TEXT).to('out')
  return builder.build()
}
