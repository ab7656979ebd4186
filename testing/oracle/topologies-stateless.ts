import { serdes, tumblingWindows } from '#streams'
import { SECOND_MS, stream, TEXT, text, windowsTo } from './shared.ts'
import { splitWords, type Text, textOf } from './text.ts'
import type { OracleTopology } from './topologies.ts'

export const statelessTopologies: Readonly<Record<string, OracleTopology>> = {
  stateless_filter_map: (builder) =>
    stream(builder, 'in')
      .filter((_key, value) => value !== null && !value.startsWith('x'))
      .mapValues((value) => textOf(value).toUpperCase())
      .map((key, value) => ({ key: `${textOf(key)}-m`, value: `${value}!` }), TEXT)
      .to('out'),

  stateless_flatmap: (builder) => {
    const input = stream(builder, 'in')
    input
      .flatMap(
        (key, value) => (value === null ? [] : splitWords(value).map((word) => ({ key: word, value: textOf(key) }))),
        TEXT,
      )
      .to('out')
    input.flatMapValues((value) => (value === null ? [] : [...value]), { value: text }).to('out2')
  },

  stateless_merge: (builder) => {
    const one = stream(builder, 'in1').mapValues((value) => `1:${textOf(value)}`, { value: text })
    const two = stream(builder, 'in2').mapValues((value) => `2:${textOf(value)}`, { value: text })
    one.merge(two).to('out')
  },

  stateless_split: (builder) => {
    stream(builder, 'in')
      .split()
      .branch((_key, value) => value?.startsWith('a') === true, { chain: (branch) => branch.to('out-a') })
      .branch((_key, value) => value !== null && value.length > 3, { chain: (branch) => branch.to('out-long') })
      .defaultBranch({ chain: (branch) => branch.to('out-rest') })
  },

  stateless_selectkey: (builder) =>
    stream(builder, 'in')
      .filterNot((_key, value) => value?.endsWith('e') === true)
      .selectKey((_key, value): Text => (value === null ? null : value.slice(0, 1)), { key: text })
      .to('out'),

  timestamp_extractor: (builder) =>
    windowsTo(
      builder
        .stream('in', {
          ...TEXT,
          timestampExtractor: ({ value, timestampMs }) => {
            const at = typeof value === 'string' ? value.indexOf('#') : -1
            return at < 0 ? timestampMs : Number.parseInt(String(value).slice(at + 1), 10)
          },
        })
        .groupByKey({ key: serdes.string })
        .windowedBy(tumblingWindows({ sizeMs: 10 * SECOND_MS, graceMs: 5 * SECOND_MS }))
        .count({ store: 'w' }),
    ),
}
