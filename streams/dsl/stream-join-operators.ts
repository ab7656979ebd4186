import type { JoinKind, JoinWindows } from '../processors/joins.ts'
import { OUTER_JOIN_EMIT_INTERVAL_MS } from '../processors/stream-stream-join.ts'
import { checkName, invalidTopology } from '../topology/names.ts'
import {
  anyHandleOf,
  type GlobalTableHandle,
  handleOf,
  neededSerde,
  type StreamHandle,
  type TableHandle,
} from './handles.ts'
import type { KStream } from './kstream.ts'
import { type AnySerde, type Erased, type JoinStores, type NodeId, repartitionNames } from './plan.ts'
import { createStream } from './stream-operators.ts'

/** Joins of a stream, with a stream, a table or a global table. Java: KStreamImpl.doJoin… and KStreamImplJoin. */

export function joinStream(
  stream: StreamHandle,
  kind: JoinKind,
  args: readonly Erased[],
): KStream<Erased, Erased, Erased> {
  const operator = kind === 'inner' ? 'join()' : `${kind}Join()`
  const [other, ...rest] = args
  const target = anyHandleOf(other, operator)
  switch (target.kind) {
    case 'stream': {
      const [joiner, windows, options] = rest
      return joinStreams(stream, handleOf(other, 'stream', operator, stream.recorder), kind, {
        joiner,
        windows,
        options,
      })
    }
    case 'table': {
      const [joiner, options] = rest
      const table = handleOf(other, 'table', operator, stream.recorder)
      return joinTable(stream, table, lookupKind(kind), joiner, options)
    }
    case 'global-table': {
      const [keySelector, joiner, options] = rest
      const table = handleOf(other, 'global-table', operator, stream.recorder)
      return joinGlobalTable(stream, table, lookupKind(kind), { keySelector, joiner, options })
    }
    default:
      throw invalidTopology(`${operator} joins streams, tables and global tables, and was given a ${target.kind}.`)
  }
}

function lookupKind(kind: JoinKind): 'inner' | 'left' {
  if (kind !== 'outer') return kind
  throw invalidTopology(
    'outerJoin() of a stream with a table is not defined: a table alone triggers nothing. Use leftJoin().',
  )
}

/** Where a rekeyed stream goes through a repartition topic before a join. */
type JoinSide = { readonly node: NodeId; readonly sources: readonly string[] }

/** Java: KStreamImpl.repartitionForJoin. An unnamed repartition of a stream serves all its joins. */
function repartitionForJoin(
  stream: StreamHandle,
  given: string | undefined,
  serdes: { readonly key: AnySerde; readonly value: AnySerde },
): JoinSide {
  const { recorder } = stream
  const prefix = given ?? stream.name
  const names = repartitionNames(prefix, recorder.generate)
  if (given === undefined) recorder.noteGeneratedRepartition(names.topic)
  const add = (): NodeId =>
    recorder.add(names.sourceName, [stream.node], {
      kind: 'repartition',
      names,
      keySerde: serdes.key,
      valueSerde: serdes.value,
      partitions: undefined,
      partitioner: undefined,
      isOptimizable: true,
    })
  if (given !== undefined) return { node: add(), sources: [names.sourceName] }
  const node = recorder.memo(stream, 'join-repartition', add).value
  return { node, sources: [recorder.node(node).name] }
}

type StreamJoinInput = { readonly joiner: Erased; readonly windows: JoinWindows; readonly options: Erased }

function joinStreams(
  left: StreamHandle,
  right: StreamHandle,
  kind: JoinKind,
  { joiner, windows, options = {} }: StreamJoinInput,
) {
  const { recorder } = left
  const operator = kind === 'inner' ? 'join()' : `${kind}Join()`
  const given = options.name === undefined ? undefined : checkName('Operator', options.name)
  const key = neededSerde(options.key ?? left.keySerde ?? right.keySerde, 'key', operator, left.name)
  const leftSerde = neededSerde(options.left ?? left.valueSerde, 'left', operator, left.name)
  const rightSerde = neededSerde(options.right ?? right.valueSerde, 'right', operator, right.name)
  const side = (stream: StreamHandle, suffix: string, value: AnySerde): JoinSide =>
    stream.isRekeyed ? repartitionForJoin(stream, given && given + suffix, { key, value }) : stream
  const leftSide = side(left, '-left', leftSerde)
  const rightSide = side(right, '-right', rightSerde)
  recorder.copartition(leftSide.sources, rightSide.sources)

  const isLeftOuter = kind !== 'inner'
  const isRightOuter = kind === 'outer'
  const leftWindowed = recorder.suffixedName(given, '-this-windowed', 'KSTREAM-WINDOWED-')
  const rightWindowed = recorder.suffixedName(given, '-other-windowed', 'KSTREAM-WINDOWED-')
  const leftPrefix = isRightOuter ? 'KSTREAM-OUTERTHIS-' : 'KSTREAM-JOINTHIS-'
  const leftGenerated = recorder.generate(leftPrefix)
  const rightGenerated = recorder.generate(isLeftOuter ? 'KSTREAM-OUTEROTHER-' : 'KSTREAM-JOINOTHER-')
  const leftSuffix = isRightOuter ? '-outer-this-join' : '-this-join'
  const rightSuffix = isLeftOuter ? '-outer-other-join' : '-other-join'
  const name = recorder.suffixedName(given, '-merge', 'KSTREAM-MERGE-')
  const base: string | undefined = options.storeName
  const outerSuffix = isRightOuter ? '-outer-shared-join' : '-left-shared-join'
  const outerBase =
    base === undefined ? `KSTREAM-OUTERSHARED-${leftGenerated.slice(leftPrefix.length)}` : base + outerSuffix
  const { logging = true } = options
  const stores: JoinStores = {
    leftName: `${base === undefined ? leftGenerated : base + leftSuffix}-store`,
    rightName: `${base === undefined ? rightGenerated : base + rightSuffix}-store`,
    outerName: isLeftOuter ? `${outerBase}-store` : undefined,
    keySerde: key,
    leftSerde,
    rightSerde,
    persistence: options.persistence,
    logging: logging === false ? undefined : logging === true ? {} : { config: logging },
  }
  if (base === undefined) {
    for (const store of [stores.leftName, stores.rightName, stores.outerName]) {
      if (store !== undefined) recorder.noteGeneratedStore(store, stores.logging !== undefined)
    }
  }
  const node = recorder.add(name, [leftSide.node, rightSide.node], {
    kind: 'stream-stream-join',
    joinKind: kind,
    joiner,
    windows: checkWindows(windows),
    emitIntervalMs: options.emitIntervalMs ?? OUTER_JOIN_EMIT_INTERVAL_MS,
    names: {
      leftWindowed,
      rightWindowed,
      leftJoin: given === undefined ? leftGenerated : checkName('Operator', given + leftSuffix),
      rightJoin: given === undefined ? rightGenerated : checkName('Operator', given + rightSuffix),
    },
    stores,
    isSelfJoin: false,
  })
  const sources = [...new Set([...leftSide.sources, ...rightSide.sources])]
  return createStream({ ...left, node, name, keySerde: key, valueSerde: options.value, sources, isRekeyed: false })
}

function checkWindows(windows: JoinWindows): JoinWindows {
  if (typeof windows?.graceMs === 'number') return windows
  throw invalidTopology('A join of two streams needs windows: give joinWindows({ beforeMs, afterMs, graceMs }).')
}

/** Java: KStreamImpl.doStreamTableJoin. */
function joinTable(
  stream: StreamHandle,
  table: TableHandle,
  kind: 'inner' | 'left',
  joiner: Erased,
  options: Erased = {},
) {
  const { recorder } = stream
  const operator = kind === 'inner' ? 'join()' : 'leftJoin()'
  const given = options.name === undefined ? undefined : checkName('Operator', options.name)
  const keySerde = options.key ?? stream.keySerde
  const leftSerde = options.left ?? stream.valueSerde
  const side: JoinSide = stream.isRekeyed
    ? repartitionForJoin(stream, given, {
        key: neededSerde(keySerde ?? table.keySerde, 'key', operator, stream.name),
        value: neededSerde(leftSerde, 'left', operator, stream.name),
      })
    : stream
  recorder.copartition(side.sources, table.sources)
  const name = recorder.nodeName(given, kind === 'left' ? 'KSTREAM-LEFTJOIN-' : 'KSTREAM-JOIN-')
  const grace =
    options.graceMs === undefined
      ? undefined
      : {
          graceMs: options.graceMs as number,
          bufferName: `${name}-Buffer`,
          keySerde: neededSerde(keySerde, 'key', operator, stream.name),
          valueSerde: neededSerde(leftSerde, 'left', operator, stream.name),
        }
  if (grace !== undefined && given === undefined) recorder.noteGeneratedStore(grace.bufferName, true)
  const node = recorder.add(name, [side.node], {
    kind: 'stream-table-join',
    joinKind: kind,
    joiner,
    table: table.node,
    grace,
  })
  const sources = [...new Set([...side.sources, ...table.sources])]
  return createStream({ ...stream, node, name, keySerde, valueSerde: options.value, sources, isRekeyed: false })
}

type GlobalJoinInput = { readonly keySelector: Erased; readonly joiner: Erased; readonly options: Erased }

function joinGlobalTable(
  stream: StreamHandle,
  table: GlobalTableHandle,
  kind: 'inner' | 'left',
  { keySelector, joiner, options = {} }: GlobalJoinInput,
) {
  const { recorder } = stream
  // Java names inner joins with a global table LEFTJOIN too.
  const name = recorder.nodeName(options.name, 'KSTREAM-LEFTJOIN-')
  const node = recorder.add(name, [stream.node], {
    kind: 'stream-global-join',
    joinKind: kind,
    joiner,
    keySelector,
    globalTable: table.node,
  })
  return createStream({ ...stream, node, name, valueSerde: options.value })
}
