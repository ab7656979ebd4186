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
        replicationFactor: 1,
        config: { cleanupPolicy: 'delete', retentionMs: -1, segmentBytes: 52_428_800 },
      },
      { name: 'app-counts-changelog', partitions: 3, replicationFactor: 1, config: { cleanupPolicy: 'compact' } },
    ])
  })

  test('a repartitioned side of a join takes the width of the other side', () => {
    const resolved = resolve(
      (builder) => {
        const table = builder.table('wide', { ...consumed, store: 'wide' })
        builder
          .stream('narrow', consumed)
          .selectKey((_key, value) => value, { key: serdes.string })
          .join(table, (value) => value)
      },
      { narrow: 2, wide: 8 },
    )
    expect(resolved.internalTopics.find(({ name }) => name.endsWith('-repartition'))?.partitions).toBe(8)
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
