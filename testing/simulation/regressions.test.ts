import { describe, expect, test } from 'vitest'
import { createStreamsBuilder, joinWindows, nullable, ON_WINDOW_CLOSE, serdes, tumblingWindows } from '#streams'
import { createTestDriver } from '../test-driver/index.ts'

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
})
