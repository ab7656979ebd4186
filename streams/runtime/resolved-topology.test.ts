import { describe, expect, test } from 'vitest'
import { createStreamsBuilder, joinWindows, serdes } from '../index.ts'
import { resolveConfig } from './config.ts'
import { type ResolvedTopology, resolveTopology } from './resolved-topology.ts'

const consumed = { key: serdes.string, value: serdes.string }
type Build = (builder: ReturnType<typeof createStreamsBuilder>) => void

function resolve(build: Build, partitions: Readonly<Record<string, number>>): ResolvedTopology {
  const builder = createStreamsBuilder()
  build(builder)
  const topics = { partitionsOf: (topic: string) => partitions[topic], names: Object.keys(partitions) }
  return resolveTopology(
    builder.build(),
    resolveConfig({ applicationId: 'app', windowStoreChangelogAdditionalRetentionMs: 1 }),
    topics,
  )
}

describe('partition counts and tasks', () => {
  test('a repartition topic is as wide as what is written to it; each sub-topology has a task per partition', () => {
    const resolved = resolve(
      (builder) =>
        builder
          .stream('in', consumed)
          .groupBy((_key, value) => value, { name: 'by-value', key: serdes.string })
          .count({ store: 'counts' }),
      { in: 3 },
    )
    expect(resolved.tasks).toEqual(['0_0', '0_1', '0_2', '1_0', '1_1', '1_2'])
    expect(resolved.internalTopics).toEqual([
      {
        name: 'app-by-value-repartition',
        partitions: 3,
        replicationFactor: -1,
        config: { cleanupPolicy: 'delete', retentionMs: -1, segmentBytes: 52_428_800 },
      },
      { name: 'app-counts-changelog', partitions: 3, replicationFactor: -1, config: { cleanupPolicy: 'compact' } },
    ])
  })

  test.each([
    { stream: 2, table: 8 },
    { stream: 8, table: 2 },
  ])('a repartitioned side of a join takes the width of the other side: $stream, $table', (counts) => {
    const resolved = resolve((builder) => {
      const table = builder.table('table', { ...consumed, store: 'table' })
      builder
        .stream('stream', consumed)
        .selectKey((_key, value) => value, { key: serdes.string })
        .join(table, (value) => value)
    }, counts)
    expect(resolved.internalTopics.find(({ name }) => name.endsWith('-repartition'))?.partitions).toBe(counts.table)
  })

  test.each([
    { by: undefined, expected: 3 },
    { by: 5, expected: 5 },
  ])('two repartitioned sides take the fixed width, or that of the wider one: $by', ({ by, expected }) => {
    const resolved = resolve(
      (builder) => {
        const rekeyed = (topic: string) =>
          builder.stream(topic, consumed).selectKey((_key, value) => value, { key: serdes.string })
        const [left, right] = [rekeyed('left'), rekeyed('right')]
        const joiner = (l: string, r: string) => l + r
        const windows = joinWindows({ beforeMs: 5, afterMs: 5, graceMs: 0 })
        if (by === undefined) left.join(right, joiner, windows)
        else left.repartition({ name: 'fixed', partitions: by }).join(right, joiner, windows)
      },
      { left: 2, right: 3 },
    )
    const widths = resolved.internalTopics.filter(({ name }) => name.endsWith('-repartition'))
    expect(widths.map(({ partitions }) => partitions)).toEqual([expected, expected])
  })

  test.each([
    { left: 3, right: 2 },
    { left: 2, right: 3 },
  ])('tables of different widths are joined by a foreign key: $left, $right', (counts) => {
    const resolved = resolve((builder) => {
      builder.table('left', consumed).join(
        builder.table('right', consumed),
        (value) => value,
        (l, r) => l + r,
        { name: 'fk', value: serdes.string },
      )
    }, counts)
    const widthOf = (topic: string) =>
      resolved.internalTopics.find(({ name }) => name === `app-fk-${topic}`)?.partitions
    expect(widthOf('subscription-registration-topic')).toBe(counts.right)
    expect(widthOf('subscription-response-topic')).toBe(counts.left)
  })

  test('topics of a join with different partition counts are refused, with their counts', () => {
    const build: Build = (builder) => {
      const right = builder.stream('right', consumed)
      builder
        .stream('left', consumed)
        .join(right, (l, r) => l + r, joinWindows({ beforeMs: 5, afterMs: 5, graceMs: 0 }))
    }
    expect(() => resolve(build, { left: 2, right: 3 })).toThrow(
      /same number of partitions, but .*left has 2.*right has 3|right has 3.*left has 2/,
    )
  })

  test('a missing topic is named together with the source that reads it', () => {
    expect(() => resolve((builder) => builder.stream('absent', consumed).to('out'), {})).toThrow(
      /source KSTREAM-SOURCE-0000000000 reads topic absent, which does not exist/,
    )
  })

  test('a pattern reads all topics whose whole names match', () => {
    const resolved = resolve((builder) => builder.stream(/events-.*/, consumed).to('out'), {
      'events-a': 2,
      'events-b': 4,
      'my-events-c': 9,
    })
    expect(resolved.tasks).toHaveLength(4)
    expect(resolved.inputsOf({ subTopology: 0, partition: 3 })).toEqual([{ topic: 'events-b', partition: 3 }])
  })
})
