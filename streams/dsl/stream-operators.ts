import { filter, filterNot } from '../processors/filter.ts'
import { flatMap, flatMapValues } from '../processors/flat-map.ts'
import { map, mapValues, selectKey } from '../processors/map.ts'
import { passThrough } from '../processors/pass-through.ts'
import { forEach, peek, print } from '../processors/peek.ts'
import { processValues } from '../processors/process-values.ts'
import { checkName, invalidTopology } from '../topology/names.ts'
import { splitStream } from './branch-operators.ts'
import {
  attachHandle,
  handleOf,
  neededSerde,
  newGroupedStream,
  newStream,
  newTable,
  type StreamHandle,
} from './handles.ts'
import type { KStream } from './kstream.ts'
import { type AnySerde, type Erased, REPARTITION_SUFFIX, repartitionNames } from './plan.ts'
import { type ProcessorData, processorData, storeNames } from './processor-data.ts'
import { recordStore } from './store-plans.ts'
import { joinStream } from './stream-join-operators.ts'

/**
 * The operators of streams, without types: `KStream` has those. Each records its plan node and returns a new handle.
 * Names and counters are those of Java's KStreamImpl.
 */

export type StreamChange = {
  readonly prefix: string
  readonly name?: string | undefined
  /** A given name counts no number: so it is in Java for the user's own processors. */
  readonly isCountedUnnamedOnly?: boolean
  readonly data: Pick<ProcessorData, 'supplier'> & Partial<ProcessorData>
  readonly keySerde: AnySerde | undefined
  readonly valueSerde: AnySerde | undefined
  readonly isRekeyed: boolean
}

/** Records one processor after the stream. */
function derive(stream: StreamHandle, change: StreamChange): KStream<Erased, Erased, Erased> {
  const { recorder } = stream
  const name =
    change.isCountedUnnamedOnly === true && change.name !== undefined
      ? checkName('Operator', change.name)
      : recorder.nodeName(change.name, change.prefix)
  const node = stream.recorder.add(name, [stream.node], processorData(change.data))
  const { keySerde, valueSerde, isRekeyed } = change
  return newStream({ ...stream, node, name, keySerde, valueSerde, isRekeyed })
}

function unchanged(stream: StreamHandle, prefix: string, options: Erased, supplier: Erased) {
  return derive(stream, { ...stream, prefix, name: options?.name, data: { supplier } })
}

/** A new value; the key, and so the partition, stays. */
function revalued(stream: StreamHandle, prefix: string, options: Erased, data: StreamChange['data']) {
  const { keySerde, isRekeyed } = stream
  const isCountedUnnamedOnly = options?.isCountedUnnamedOnly
  return derive(stream, {
    prefix,
    name: options?.name,
    isCountedUnnamedOnly,
    data,
    keySerde,
    valueSerde: options?.value,
    isRekeyed,
  })
}

function rekeyed(stream: StreamHandle, prefix: string, options: Erased, data: StreamChange['data']) {
  return derive(stream, {
    prefix,
    name: options?.name,
    isCountedUnnamedOnly: options?.isCountedUnnamedOnly,
    data,
    keySerde: options?.key,
    valueSerde: options?.value,
    isRekeyed: true,
  })
}

export function createStream(stream: StreamHandle): KStream<Erased, Erased, Erased> {
  const facade = {
    kind: 'stream' as const,
    ...statelessOperators(stream),
    ...topicOperators(stream),
    ...groupingOperators(stream),
    ...processOperators(stream),
    join: (...args: Erased[]) => joinStream(stream, 'inner', args),
    leftJoin: (...args: Erased[]) => joinStream(stream, 'left', args),
    outerJoin: (...args: Erased[]) => joinStream(stream, 'outer', args),
  } satisfies { readonly [Operator in Exclude<keyof KStream<Erased, Erased>, `~${string}`>]: unknown }
  return attachHandle(facade, stream) as unknown as KStream<Erased, Erased, Erased>
}

function statelessOperators(stream: StreamHandle) {
  return {
    filter: (predicate: Erased, options?: Erased) => unchanged(stream, 'KSTREAM-FILTER-', options, filter(predicate)),
    filterNot: (predicate: Erased, options?: Erased) =>
      unchanged(stream, 'KSTREAM-FILTER-', options, filterNot(predicate)),
    peek: (action: Erased, options?: Erased) => unchanged(stream, 'KSTREAM-PEEK-', options, peek(action)),
    mapValues: (mapper: Erased, options?: Erased) =>
      revalued(stream, 'KSTREAM-MAPVALUES-', options, { supplier: mapValues(mapper), changesValue: true }),
    flatMapValues: (mapper: Erased, options?: Erased) =>
      revalued(stream, 'KSTREAM-FLATMAPVALUES-', options, { supplier: flatMapValues(mapper), changesValue: true }),
    map: (mapper: Erased, options?: Erased) =>
      rekeyed(stream, 'KSTREAM-MAP-', options, { supplier: map(mapper), changesKey: true }),
    flatMap: (mapper: Erased, options?: Erased) =>
      rekeyed(stream, 'KSTREAM-FLATMAP-', options, { supplier: flatMap(mapper), changesKey: true }),
    selectKey: (selector: Erased, options?: Erased) =>
      rekeyed(
        stream,
        'KSTREAM-KEY-SELECT-',
        { ...options, value: stream.valueSerde },
        { supplier: selectKey(selector), changesKey: true },
      ),
    foreach: (action: Erased, options?: Erased): void => {
      unchanged(stream, 'KSTREAM-FOREACH-', options, forEach(action))
    },
    print: (options: Erased = {}): void => {
      const { label = stream.name, format, write } = options
      const printOptions = { label, ...(format && { format }), ...(write && { write }) }
      unchanged(stream, 'KSTREAM-PRINTER-', options, print(printOptions))
    },
    merge: (other: object, options?: Erased) => mergeStreams(stream, other, options),
    split: (options?: Erased) => splitStream(stream, options),
  }
}

function mergeStreams(stream: StreamHandle, otherStream: object, options: Erased) {
  const { recorder } = stream
  const other = handleOf(otherStream, 'stream', 'merge', recorder)
  const name = recorder.nodeName(options?.name, 'KSTREAM-MERGE-')
  const node = recorder.add(name, [stream.node, other.node], processorData({ supplier: passThrough(), isMerge: true }))
  return newStream({
    ...stream,
    node,
    name,
    keySerde: stream.keySerde ?? other.keySerde,
    valueSerde: stream.valueSerde ?? other.valueSerde,
    sources: [...new Set([...stream.sources, ...other.sources])],
    isRekeyed: stream.isRekeyed || other.isRekeyed,
  })
}

function topicOperators(stream: StreamHandle) {
  return {
    to: (topic: Erased, options: Erased = {}): void => {
      const { recorder } = stream
      if (typeof topic === 'string') checkName('Topic', topic)
      const name = recorder.nodeName(options.name, 'KSTREAM-SINK-')
      recorder.add(name, [stream.node], {
        kind: 'sink',
        topic,
        keySerde: neededSerde(options.key ?? stream.keySerde, 'key', 'to()', stream.name),
        valueSerde: neededSerde(options.value ?? stream.valueSerde, 'value', 'to()', stream.name),
        partitioner: options.partitioner,
      })
    },
    repartition: (options: Erased = {}) => repartitionStream(stream, options),
    toTable: (options: Erased = {}) => streamToTable(stream, options),
  }
}

function repartitionStream(stream: StreamHandle, options: Erased) {
  const { recorder } = stream
  const { partitions, partitioner } = options
  if (partitions !== undefined && (!Number.isSafeInteger(partitions) || partitions < 1)) {
    throw invalidTopology(`repartition() after ${stream.name} has ${partitions} partitions: give at least 1.`)
  }
  const given = options.name === undefined ? undefined : checkName('Operator', options.name)
  const prefix = given ?? recorder.generate('KSTREAM-REPARTITION-')
  return recordRepartition(stream, {
    prefix,
    isNamed: given !== undefined,
    keySerde: neededSerde(options.key ?? stream.keySerde, 'key', 'repartition()', stream.name),
    valueSerde: neededSerde(options.value ?? stream.valueSerde, 'value', 'repartition()', stream.name),
    partitions,
    partitioner,
    isOptimizable: false,
  })
}

type RepartitionInput = {
  readonly prefix: string
  readonly isNamed: boolean
  readonly keySerde: AnySerde
  readonly valueSerde: AnySerde
  readonly partitions: number | undefined
  readonly partitioner: Erased
  readonly isOptimizable: boolean
}

function recordRepartition(stream: StreamHandle, input: RepartitionInput) {
  const { recorder } = stream
  const { prefix, isNamed, keySerde, valueSerde, ...rest } = input
  const names = repartitionNames(prefix, recorder.generate)
  if (!isNamed) recorder.noteGeneratedRepartition(names.topic)
  const node = recorder.add(names.sourceName, [stream.node], {
    kind: 'repartition',
    names,
    keySerde,
    valueSerde,
    ...rest,
  })
  const sources = [names.sourceName]
  return newStream({ ...stream, node, name: names.sourceName, keySerde, valueSerde, sources, isRekeyed: false })
}

function streamToTable(stream: StreamHandle, options: Erased) {
  const { recorder } = stream
  const name = recorder.nodeName(options.name, 'KSTREAM-TOTABLE-')
  const keySerde = neededSerde(options.key ?? stream.keySerde, 'key', 'toTable()', stream.name)
  const valueSerde = neededSerde(options.value ?? stream.valueSerde, 'value', 'toTable()', stream.name)
  const store = recordStore(recorder, 'KSTREAM-TOTABLE-', { store: options.store, key: keySerde, value: valueSerde })
  let parent = stream.node
  let sources = stream.sources
  if (stream.isRekeyed) {
    const names = repartitionNames(name, recorder.generate)
    if (options.name === undefined) recorder.noteGeneratedRepartition(names.topic)
    parent = recorder.add(names.sourceName, [stream.node], {
      kind: 'repartition',
      names,
      keySerde,
      valueSerde,
      partitions: undefined,
      partitioner: undefined,
      isOptimizable: true,
    })
    sources = [names.sourceName]
  }
  const node = recorder.add(name, [parent], { kind: 'to-table', store })
  const queryableStoreName = store.isNamed ? store.name : undefined
  return newTable({ kind: 'table', recorder, node, name, keySerde, valueSerde, sources, queryableStoreName })
}

function groupingOperators(stream: StreamHandle) {
  const { recorder } = stream
  return {
    groupByKey: (options: Erased = {}) =>
      newGroupedStream({
        kind: 'grouped-stream',
        recorder,
        node: stream.node,
        name: stream.name,
        keySerde: neededSerde(options.key ?? stream.keySerde, 'key', 'groupByKey()', stream.name),
        valueSerde: options.value ?? stream.valueSerde,
        sources: stream.sources,
        isRekeyed: stream.isRekeyed,
        repartitionName: repartitionNameGiven(options),
      }),
    groupBy: (selector: Erased, options: Erased = {}) => {
      const name = recorder.nodeName(options.name, 'KSTREAM-KEY-SELECT-')
      const node = recorder.add(name, [stream.node], processorData({ supplier: selectKey(selector), changesKey: true }))
      return newGroupedStream({
        kind: 'grouped-stream',
        recorder,
        node,
        name,
        keySerde: neededSerde(options.key, 'key', 'groupBy()', stream.name),
        valueSerde: options.value ?? stream.valueSerde,
        sources: stream.sources,
        isRekeyed: true,
        repartitionName: repartitionNameGiven(options),
      })
    },
  }
}

export function repartitionNameGiven({ name }: { readonly name?: string }): string | undefined {
  return name === undefined ? undefined : checkName('Repartition', name + REPARTITION_SUFFIX) && name
}

function processOperators(stream: StreamHandle) {
  return {
    process: (supplier: Erased, options: Erased = {}) =>
      rekeyed(
        stream,
        'KSTREAM-PROCESSOR-',
        { ...options, isCountedUnnamedOnly: true },
        {
          supplier,
          stores: storeNames(options.stores),
          changesKey: true,
          changesValue: true,
        },
      ),
    processValues: (supplier: Erased, options: Erased = {}) =>
      revalued(
        stream,
        'KSTREAM-PROCESSVALUES-',
        { ...options, isCountedUnnamedOnly: true },
        {
          supplier: processValues(supplier),
          stores: storeNames(options.stores),
          changesValue: true,
        },
      ),
  }
}
