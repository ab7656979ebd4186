import { StreamsError } from '../base/index.ts'
import type {
  InternalProcessorContext,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  TableValueGetterSupplier,
} from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'
import type { InnerOrLeftJoiner } from './joins.ts'
import { type LookupJoiner, StreamLookupJoinProcessor } from './stream-lookup-join.ts'
import type { GraceBuffer, GraceBufferSpec } from './stream-table-join-buffer.ts'

export type StreamTableJoinOptions<K, V, T, R> = InnerOrLeftJoiner<V, T, R, K> & {
  readonly table: TableValueGetterSupplier<K, T>
  /**
   * KIP-923: stream records wait until stream time is `graceMs` past them and are then joined in the order of time, as
   * of their time; later ones are joined at once. Only where the table is versioned.
   */
  readonly grace?: { readonly graceMs: number; readonly buffer: GraceBufferSpec<K, V> } | undefined
}

/** Java: KStreamKTableJoin. The node must be connected to `options.table.storeNames`. */
export function streamTableJoin<K, V, T, R>(
  options: StreamTableJoinOptions<K, V, T, R>,
): ProcessorSupplier<K, V, K, R> {
  // An inner join calls its joiner only with a value that is there.
  const joiner = options.joiner as LookupJoiner<K, V, K, T, R>
  const { table, grace } = options
  const isLeft = options.kind === 'left'
  if (grace === undefined) return { get: () => new StreamLookupJoinProcessor(table.get(), undefined, joiner, isLeft) }
  return {
    get: () => {
      const getter = table.get()
      const join = new StreamLookupJoinProcessor(getter, undefined, joiner, isLeft)
      return new GraceJoinProcessor(join, () => getter.isVersioned, grace.graceMs, grace.buffer.name)
    },
    stores: [grace.buffer],
  }
}

/** Sequence numbers of buffered records stay below this. */
const SEQUENCE_COUNT = 2 ** 31

/** Holds the records back before they are joined. Java: KStreamKTableJoinProcessor with a buffer. */
class GraceJoinProcessor<K, V, T, R> implements Processor<K, V, K, R> {
  readonly #join: StreamLookupJoinProcessor<K, V, K, T, R>
  readonly #isVersioned: () => boolean
  readonly #graceMs: number
  readonly #bufferName: string
  readonly #streamTimeName: string
  readonly #putsName: string
  readonly #emit: (record: StreamRecord<K, V>) => void
  #context!: InternalProcessorContext<K, R>
  #buffer!: GraceBuffer<K, V>
  #streamTimeMs = -1
  #puts = 0

  constructor(
    join: StreamLookupJoinProcessor<K, V, K, T, R>,
    isVersioned: () => boolean,
    graceMs: number,
    bufferName: string,
  ) {
    this.#join = join
    this.#isVersioned = isVersioned
    this.#graceMs = graceMs
    this.#bufferName = bufferName
    this.#streamTimeName = `${bufferName}-stream-time`
    this.#putsName = `${bufferName}-puts`
    this.#emit = (record) => join.process(record)
  }

  /**
   * The time and the count of puts are kept with the committed offsets: a restart neither makes late records wait
   * again nor lets a record take the place of a buffered one. (Java starts both anew.)
   */
  init(context: ProcessorContext<K, R>): void {
    this.#context = context as InternalProcessorContext<K, R>
    this.#join.init(context)
    if (!this.#isVersioned()) {
      throw new StreamsError(
        'TOPOLOGY_INVALID',
        `the stream-table join ${context.nodeName} has a grace period, but its table is not versioned: it could not ` +
          'be read as of the time of a buffered record; materialize the table in a versioned store, or leave the grace ' +
          'period out',
      )
    }
    this.#buffer = context.storeByName(this.#bufferName)
    this.#streamTimeMs = this.#context.timeMetadata(this.#streamTimeName) ?? -1
    this.#puts = this.#context.timeMetadata(this.#putsName) ?? this.#buffer.sequenceMax() + 1
  }

  process(record: StreamRecord<K, V>): void {
    const { key, value, timestampMs } = record
    // A null key finds nothing, however long it waits. (Java fails on it.)
    if (key === null || value === null || timestampMs < this.#streamTimeMs - this.#graceMs) {
      this.#join.process(record)
      return
    }
    if (timestampMs > this.#streamTimeMs) {
      this.#streamTimeMs = timestampMs
      this.#context.setTimeMetadata(this.#streamTimeName, timestampMs)
    }
    this.#puts++
    this.#context.setTimeMetadata(this.#putsName, this.#puts)
    this.#buffer.put(record, this.#puts % SEQUENCE_COUNT)
    const toMs = this.#streamTimeMs - this.#graceMs
    if (this.#buffer.minTimestampMs <= toMs) this.#buffer.evict(toMs, this.#emit)
  }
}
