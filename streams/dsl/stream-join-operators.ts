import type { JoinKind, JoinWindows } from '../processors/joins.ts'
import { OUTER_JOIN_EMIT_INTERVAL_MS } from '../processors/stream-stream-join.ts'
import { checkName, invalidTopology } from '../topology/names.ts'
import {
  anyHandleOf,
  type GlobalTableHandle,
  handleOf,
  neededSerde,
  newStream,
  type StreamHandle,
  type TableHandle,
} from './handles.ts'
import type { KStream } from './kstream.ts'
import { type AnySerde, type Erased, type JoinStores, type NodeId, repartitionNames } from './plan.ts'
import type { Recorder } from './recorder.ts'
import { loggingOf } from './store-plans.ts'

/** Joins of a stream, with a stream, a table or a global table. Java: KStreamImpl.doJoin… and KStreamImplJoin. */

export function joinStream(
  stream: StreamHandle,
  kind: JoinKind,
  args: readonly Erased[],
): KStream<Erased, Erased, Erased> {
  const operator = operatorName(kind)
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

function joinStreams(left: StreamHandle, right: StreamHandle, kind: JoinKind, input: StreamJoinInput) {
  const { joiner, windows, options = {} } = input
  const { recorder } = left
  const operator = operatorName(kind)
  const given = options.name === undefined ? undefined : checkName('Operator', options.name)
  const keySerde = neededSerde(options.key ?? left.keySerde ?? right.keySerde, 'key', operator, left.name)
  const leftSerde = neededSerde(options.left ?? left.valueSerde, 'left', operator, left.name)
  const rightSerde = neededSerde(options.right ?? right.valueSerde, 'right', operator, right.name)
  const side = (stream: StreamHandle, suffix: string, value: AnySerde): JoinSide =>
    stream.isRekeyed ? repartitionForJoin(stream, given && given + suffix, { key: keySerde, value }) : stream
  const leftSide = side(left, '-left', leftSerde)
  const rightSide = side(right, '-right', rightSerde)
  recorder.copartition(leftSide.sources, rightSide.sources)

  const { name, names, storeNames } = streamJoinNames(recorder, kind, given, options.storeName)
  const logging = loggingOf(options.logging)
  const { persistence, emitIntervalMs = OUTER_JOIN_EMIT_INTERVAL_MS } = options
  const stores: JoinStores = { ...storeNames, keySerde, leftSerde, rightSerde, persistence, logging }
  if (options.storeName === undefined) noteGenerated(recorder, stores)
  const node = recorder.add(name, [leftSide.node, rightSide.node], {
    kind: 'stream-stream-join',
    joinKind: kind,
    joiner,
    windows: checkWindows(windows),
    emitIntervalMs,
    names,
    stores,
    isSelfJoin: false,
  })
  const sources = [...new Set([...leftSide.sources, ...rightSide.sources])]
  return newStream({ ...left, node, name, keySerde, valueSerde: options.value, sources, isRekeyed: false })
}

const operatorName = (kind: JoinKind): string => (kind === 'inner' ? 'join()' : `${kind}Join()`)

/** In the order in which Java counts. Stores have the numbers of the joins, also where the joins have other names. */
function streamJoinNames(recorder: Recorder, kind: JoinKind, given: string | undefined, base: string | undefined) {
  const isLeftOuter = kind !== 'inner'
  const isRightOuter = kind === 'outer'
  const leftWindowed = recorder.suffixedName(given, '-this-windowed', 'KSTREAM-WINDOWED-')
  const rightWindowed = recorder.suffixedName(given, '-other-windowed', 'KSTREAM-WINDOWED-')
  const leftPrefix = isRightOuter ? 'KSTREAM-OUTERTHIS-' : 'KSTREAM-JOINTHIS-'
  const leftGenerated = recorder.generate(leftPrefix)
  const rightGenerated = recorder.generate(isLeftOuter ? 'KSTREAM-OUTEROTHER-' : 'KSTREAM-JOINOTHER-')
  const leftSuffix = isRightOuter ? '-outer-this-join' : '-this-join'
  const rightSuffix = isLeftOuter ? '-outer-other-join' : '-other-join'
  const outerSuffix = isRightOuter ? '-outer-shared-join' : '-left-shared-join'
  const outerGenerated = `KSTREAM-OUTERSHARED-${leftGenerated.slice(leftPrefix.length)}`
  const nameOf = (generated: string, suffix: string): string =>
    given === undefined ? generated : checkName('Operator', given + suffix)
  const storeOf = (generated: string, suffix: string): string =>
    checkName('Store', `${base === undefined ? generated : base + suffix}-store`)
  return {
    name: recorder.suffixedName(given, '-merge', 'KSTREAM-MERGE-'),
    names: {
      leftWindowed,
      rightWindowed,
      leftJoin: nameOf(leftGenerated, leftSuffix),
      rightJoin: nameOf(rightGenerated, rightSuffix),
    },
    storeNames: {
      leftName: storeOf(leftGenerated, leftSuffix),
      rightName: storeOf(rightGenerated, rightSuffix),
      outerName: isLeftOuter ? storeOf(outerGenerated, outerSuffix) : undefined,
    },
  }
}

function noteGenerated(recorder: Recorder, { leftName, rightName, outerName, logging }: JoinStores): void {
  for (const name of [leftName, rightName, outerName]) {
    if (name !== undefined) recorder.noteGeneratedStore(name, logging !== undefined)
  }
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
  return newStream({ ...stream, node, name, keySerde, valueSerde: options.value, sources, isRekeyed: false })
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
  return newStream({ ...stream, node, name, valueSerde: options.value })
}
