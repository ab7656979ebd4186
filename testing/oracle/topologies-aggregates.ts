import {
  boundedBuffer,
  type EmitStrategy,
  hoppingWindows,
  type StreamsBuilder,
  serdes,
  sessionWindows,
  slidingWindows,
  tumblingWindows,
  untilTimeLimit,
  untilWindowCloses,
} from '#streams'
import { SECOND_MS, stream, table, tableTo, text, windowsTo } from './shared.ts'
import { firstCharacter, last40, numberOf, prefixOf } from './text.ts'
import type { OracleTopology } from './topologies.ts'

const STRING = { value: serdes.string } as const
const NUMBER = { value: serdes.int64 } as const

const tumbling = tumblingWindows({ sizeMs: 10 * SECOND_MS, graceMs: 5 * SECOND_MS })
const hopping = hoppingWindows({ sizeMs: 10 * SECOND_MS, advanceMs: 4 * SECOND_MS, graceMs: 5 * SECOND_MS })
const sliding = slidingWindows({ timeDifferenceMs: 5 * SECOND_MS, graceMs: 10 * SECOND_MS })
const sessions = sessionWindows({ inactivityGapMs: 5 * SECOND_MS, graceMs: 10 * SECOND_MS })
/** The oracle looks for closed windows at every record. */
const onWindowClose: EmitStrategy = { kind: 'on-window-close', intervalMs: 0 }

const grouped = (builder: StreamsBuilder, topic: string) => stream(builder, topic).groupByKey({ key: serdes.string })

const zero = (): number => 0
const sum = (_key: string, value: string | null, total: number): number => total + numberOf(value)
const empty = (): string => ''

function cogrouped(builder: StreamsBuilder) {
  const first = grouped(builder, 'in1')
  const second = grouped(builder, 'in2')
  return first
    .cogroup((_key, value, aggregate: string) => last40(`${aggregate}A${value}`))
    .cogroup(second, (_key, value, aggregate) => last40(`${aggregate}B${value}`))
}

/** `sum/count` */
function addToMean(_key: string, value: string, aggregate: string): string | null {
  if (value === '7') return null
  const [total = '0', count = '0'] = aggregate.split('/')
  return `${numberOf(total) + numberOf(value)}/${numberOf(count) + 1}`
}

export const aggregateTopologies: Readonly<Record<string, OracleTopology>> = {
  group_count: (builder) => tableTo(grouped(builder, 'in').count({ store: 'c' })),

  group_reduce: (builder) =>
    tableTo(
      grouped(builder, 'in').reduce(
        (aggregate, value) => {
          const joined = `${aggregate},${value}`
          return joined.length > 30 ? null : joined
        },
        { store: 'r' },
      ),
    ),

  group_aggregate: (builder) =>
    tableTo(grouped(builder, 'in').aggregate(() => '0/0', addToMean, { store: 'a', ...STRING })),

  group_by_count: (builder) =>
    tableTo(
      stream(builder, 'in')
        .groupBy((_key, value) => firstCharacter(value), { key: serdes.string })
        .count({ store: 'c' }),
    ),

  repartition_selectkey_reduce: (builder) =>
    tableTo(
      stream(builder, 'in')
        .filter((_key, value) => prefixOf(value) !== null)
        .selectKey((_key, value) => prefixOf(value), { key: text })
        .repartition({ name: 'rp' })
        .mapValues((value) => `r${value}`, STRING)
        .groupByKey()
        .reduce((aggregate, value) => last40(`${aggregate}|${value}`), { store: 'r' }),
    ),

  cogroup: (builder) => tableTo(cogrouped(builder).aggregate(empty, { store: 'c', ...STRING })),

  cogroup_windowed: (builder) =>
    windowsTo(
      cogrouped(builder)
        .windowedBy(tumbling)
        .aggregate(empty, { store: 'c', ...STRING }),
    ),

  window_tumbling_count: (builder) => windowsTo(grouped(builder, 'in').windowedBy(tumbling).count({ store: 'w' })),

  window_tumbling_reduce_nograce: (builder) =>
    windowsTo(
      grouped(builder, 'in')
        .windowedBy(tumblingWindows({ sizeMs: 10 * SECOND_MS, graceMs: 0 }))
        .reduce((aggregate, value) => `${aggregate},${value}`, { store: 'w' }),
    ),

  window_hopping_sum: (builder) =>
    windowsTo(
      grouped(builder, 'in')
        .windowedBy(hopping)
        .aggregate(zero, sum, { store: 'w', ...NUMBER }),
    ),

  window_sliding_count: (builder) => windowsTo(grouped(builder, 'in').windowedBy(sliding).count({ store: 'w' })),

  window_sliding_aggregate: (builder) =>
    windowsTo(
      grouped(builder, 'in')
        .windowedBy(sliding)
        .aggregate(zero, sum, { store: 'w', ...NUMBER }),
    ),

  window_session_count: (builder) => windowsTo(grouped(builder, 'in').windowedBy(sessions).count({ store: 'w' })),

  window_session_aggregate: (builder) =>
    windowsTo(
      grouped(builder, 'in')
        .windowedBy(sessions)
        .aggregate(
          empty,
          (_key, value, aggregate) => `${aggregate}<${value}>`,
          (_key, left, right) => `${left}&${right}`,
          { store: 'w', ...STRING },
        ),
    ),

  window_tumbling_emit_final: (builder) =>
    windowsTo(grouped(builder, 'in').windowedBy(tumbling).emitStrategy(onWindowClose).count({ store: 'w' })),

  window_hopping_emit_final: (builder) =>
    windowsTo(
      grouped(builder, 'in')
        .windowedBy(hopping)
        .emitStrategy(onWindowClose)
        .aggregate(zero, sum, { store: 'w', ...NUMBER }),
    ),

  window_session_emit_final: (builder) =>
    windowsTo(grouped(builder, 'in').windowedBy(sessions).emitStrategy(onWindowClose).count({ store: 'w' })),

  suppress_window_close: (builder) =>
    windowsTo(grouped(builder, 'in').windowedBy(tumbling).count({ store: 'w' }).suppress(untilWindowCloses())),

  suppress_session_close: (builder) =>
    windowsTo(grouped(builder, 'in').windowedBy(sessions).count({ store: 'w' }).suppress(untilWindowCloses())),

  suppress_time_limit: (builder) => tableTo(table(builder, 'in', 't').suppress(untilTimeLimit(5 * SECOND_MS))),

  suppress_time_limit_max_records: (builder) =>
    tableTo(
      grouped(builder, 'in')
        .count({ store: 'c' })
        .suppress(untilTimeLimit(10 * SECOND_MS, { buffer: boundedBuffer({ recordsMax: 2, whenFull: 'emit-early' }) })),
    ),
}
