import { invalidTopology } from '../topology/names.ts'
import type { KGroupedStream } from './grouped-stream.ts'
import type { KGroupedTable } from './grouped-table.ts'
import type { KStream } from './kstream.ts'
import type { KTable } from './ktable.ts'
import type { AnySerde, Erased, NodeId, StorePlan } from './plan.ts'
import type { Recorder } from './recorder.ts'

/**
 * What a stream or table of the DSL knows about itself; frozen. The typed objects that users hold are kept apart from
 * it, so that their types show operators only.
 */
export type StreamHandle = {
  readonly kind: 'stream'
  readonly recorder: Recorder
  readonly node: NodeId
  readonly name: string
  readonly keySerde: AnySerde | undefined
  readonly valueSerde: AnySerde | undefined
  /** Names of the source nodes of its sub-topology: they are co-partitioned in joins. */
  readonly sources: readonly string[]
  /** True if the key may have changed since the last source: grouping and joins repartition first. */
  readonly isRekeyed: boolean
}

export type TableHandle = {
  readonly kind: 'table'
  readonly recorder: Recorder
  readonly node: NodeId
  readonly name: string
  readonly keySerde: AnySerde | undefined
  readonly valueSerde: AnySerde | undefined
  readonly sources: readonly string[]
  readonly queryableStoreName: string | undefined
}

export type GlobalTableHandle = {
  readonly kind: 'global-table'
  readonly recorder: Recorder
  readonly node: NodeId
  readonly store: StorePlan
}

export type GroupedStreamHandle = {
  readonly kind: 'grouped-stream'
  readonly recorder: Recorder
  readonly node: NodeId
  readonly name: string
  readonly keySerde: AnySerde
  readonly valueSerde: AnySerde | undefined
  readonly sources: readonly string[]
  readonly isRekeyed: boolean
  /** Given by the user: then several aggregations share one repartition topic. */
  readonly repartitionName: string | undefined
}

export type GroupedTableHandle = {
  readonly kind: 'grouped-table'
  readonly recorder: Recorder
  readonly node: NodeId
  readonly keySerde: AnySerde
  readonly valueSerde: AnySerde
  readonly repartitionName: string | undefined
}

export type Handle = StreamHandle | TableHandle | GlobalTableHandle | GroupedStreamHandle | GroupedTableHandle

/**
 * Makes the typed objects of handles. Streams make tables and tables make streams, so the operators of each reach the
 * others through here, and the builder puts them together.
 */
export type Facades = {
  stream(handle: StreamHandle): KStream<Erased, Erased, Erased>
  table(handle: TableHandle): KTable<Erased, Erased, Erased>
  groupedStream(handle: GroupedStreamHandle): KGroupedStream<Erased, Erased, Erased>
  groupedTable(handle: GroupedTableHandle): KGroupedTable<Erased, Erased>
}

export const newStream = (handle: StreamHandle) => handle.recorder.facades.stream(handle)
export const newTable = (handle: TableHandle) => handle.recorder.facades.table(handle)
export const newGroupedStream = (handle: GroupedStreamHandle) => handle.recorder.facades.groupedStream(handle)
export const newGroupedTable = (handle: GroupedTableHandle) => handle.recorder.facades.groupedTable(handle)

const handles = new WeakMap<object, Handle>()

export function attachHandle<T extends object>(facade: T, handle: Handle): T {
  handles.set(facade, Object.freeze(handle))
  return Object.freeze(facade)
}

export function anyHandleOf(facade: object, operator: string): Handle {
  const handle = handles.get(facade)
  if (handle === undefined) {
    throw invalidTopology(`${operator} was given something that no streams builder made: give it a stream or a table.`)
  }
  return handle
}

/** The handle of an argument, which must be of this kind and come from the same builder. */
export function handleOf<Kind extends Handle['kind']>(
  facade: object,
  kind: Kind,
  operator: string,
  recorder: Recorder,
): Extract<Handle, { readonly kind: Kind }> {
  const handle = anyHandleOf(facade, operator)
  if (handle.kind !== kind) throw invalidTopology(`${operator} needs a ${kind} and was given a ${handle.kind}.`)
  if (handle.recorder !== recorder) {
    throw invalidTopology(`${operator} was given a ${kind} of another builder: use one builder for one topology.`)
  }
  return handle as Extract<Handle, { readonly kind: Kind }>
}

/** For what the types could not see (handles that went through `any`). */
export function neededSerde(
  serde: AnySerde | undefined,
  side: 'key' | 'value' | 'left' | 'right',
  operator: string,
  name: string,
): AnySerde {
  if (serde !== undefined) return serde
  throw invalidTopology(
    `${operator} after ${name} needs a ${side} serde and there is none: an operator before it changed the type. ` +
      `Give \`${side}\` in its options, or in those of the operator that changed it.`,
  )
}
