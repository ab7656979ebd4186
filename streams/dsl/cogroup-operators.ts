import { ON_WINDOW_UPDATE } from '../processors/emit-strategy.ts'
import { aggregateData, repartitionData } from './aggregate-data.ts'
import type { CogroupedKStream } from './grouped-stream.ts'
import { type GroupedStreamHandle, handleOf, neededSerde, newTable } from './handles.ts'
import type { AnyWindows, Erased, NodeId, StorePlan } from './plan.ts'
import { recordStore } from './store-plans.ts'
import { checkRetention, windowedKeySerde } from './window-facts.ts'

/** Java: CogroupedKStreamImpl and CogroupedStreamAggregateBuilder. */

const COGROUP_AGGREGATE = 'COGROUPKSTREAM-AGGREGATE-'
const COGROUP_MERGE = 'COGROUPKSTREAM-MERGE-'

type Member = { readonly grouped: GroupedStreamHandle; readonly aggregator: Erased }
type Cogroup = {
  readonly members: readonly Member[]
  /** Owns the repartitions that its aggregations share. */
  readonly identity: object
}

export function createCogrouped(grouped: GroupedStreamHandle, aggregator: Erased): CogroupedKStream<Erased, Erased> {
  return cogroupFacade({ members: [{ grouped, aggregator }], identity: {} })
}

function cogroupFacade(cogroup: Cogroup): CogroupedKStream<Erased, Erased> {
  const { recorder } = firstOf(cogroup)
  return Object.freeze({
    cogroup: (other: object, aggregator: Erased) => {
      const grouped = handleOf(other, 'grouped-stream', 'cogroup()', recorder)
      const others = cogroup.members.filter((member) => member.grouped !== grouped)
      return cogroupFacade({ ...cogroup, members: [...others, { grouped, aggregator }] })
    },
    aggregate: (initializer: Erased, options: Erased) =>
      aggregateCogroup(cogroup, { initializer, merger: undefined, options, windows: undefined }),
    windowedBy: (windows: AnyWindows) =>
      Object.freeze({
        aggregate: (initializer: Erased, ...rest: Erased[]) => {
          const isSession = windows.kind === 'session'
          const merger = isSession ? rest[0] : undefined
          return aggregateCogroup(cogroup, { initializer, merger, options: isSession ? rest[1] : rest[0], windows })
        },
      }),
  }) as unknown as CogroupedKStream<Erased, Erased>
}

function firstOf({ members }: Cogroup): GroupedStreamHandle {
  const [first] = members
  if (first === undefined) throw new Error('a cogroup starts with one grouped stream')
  return first.grouped
}

type CogroupAggregation = {
  readonly initializer: Erased
  readonly merger: Erased
  readonly options: Erased
  readonly windows: AnyWindows | undefined
}

function aggregateCogroup(cogroup: Cogroup, { initializer, merger, options = {}, windows }: CogroupAggregation) {
  const { recorder, keySerde } = firstOf(cogroup)
  const valueSerde = neededSerde(options.value, 'value', 'aggregate()', 'cogroup()')
  const store = recordStore(recorder, COGROUP_AGGREGATE, { store: options.store, key: keySerde, value: valueSerde })
  if (windows !== undefined) checkRetention(store, windows)
  const parents = repartitionMembers(cogroup, store)
  recorder.copartition(...cogroup.members.map(({ grouped }) => sourcesOf(cogroup, grouped)))
  const windowing = windows === undefined ? undefined : { windows, emit: ON_WINDOW_UPDATE }
  const aggregates = cogroup.members.map(({ aggregator }, index) => {
    const name = recorder.suffixedName(options.name, `-cogroup-agg-${index}`, COGROUP_AGGREGATE)
    const functions = { kind: 'aggregate', initializer, aggregator, merger } as const
    return recorder.add(name, [parents[index] as NodeId], aggregateData(functions, store, windowing))
  })
  const name = recorder.suffixedName(options.name, '-cogroup-merge', COGROUP_MERGE)
  const node = recorder.add(name, aggregates, { kind: 'cogroup-merge', store, windows })
  return newTable({
    kind: 'table',
    recorder,
    node,
    name,
    keySerde: windows === undefined ? keySerde : windowedKeySerde(keySerde, windows),
    valueSerde,
    sources: cogroup.members.flatMap(({ grouped }) => sourcesOf(cogroup, grouped)),
    queryableStoreName: store.isNamed ? store.name : undefined,
  })
}

type Memo = Map<GroupedStreamHandle, { readonly node: NodeId; readonly source: string }>

function memoOf(cogroup: Cogroup): Memo {
  const { recorder } = firstOf(cogroup)
  return recorder.memo<Memo>(cogroup.identity, 'repartitions', () => new Map()).value
}

/** The names are counted for each aggregation, but the first one's repartition serves all. */
function repartitionMembers(cogroup: Cogroup, store: StorePlan): readonly NodeId[] {
  const memo = memoOf(cogroup)
  return cogroup.members.map(({ grouped }) => {
    if (!grouped.isRekeyed) return grouped.node
    const { recorder } = grouped
    const data = repartitionData(grouped, store)
    const known = memo.get(grouped)
    if (known !== undefined) return known.node
    const source = data.names.sourceName
    const node = recorder.add(source, [grouped.node], data)
    memo.set(grouped, { node, source })
    return node
  })
}

function sourcesOf(cogroup: Cogroup, grouped: GroupedStreamHandle): readonly string[] {
  const repartition = memoOf(cogroup).get(grouped)
  return repartition === undefined ? grouped.sources : [repartition.source]
}
