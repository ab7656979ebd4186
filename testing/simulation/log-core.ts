import { assert, type Bytes, hexOf, StreamsError } from '#streams/base'
import type {
  CommittedOffset,
  Headers,
  LogRecord,
  PartitionOffset,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from '#streams/ports'

/** A record on its way into the log. */
export type Appended = TopicPartition & {
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestampMs: number
  readonly headers: Headers
}

type Transaction = {
  readonly firstOffsets: Map<Partition, number>
  outcome: 'open' | 'committed' | 'aborted'
  timeOut: { cancel(): void } | undefined
}

/** One offset of a partition. Control records hold nothing but their place. */
export type Slot = {
  readonly record: LogRecord | undefined
  readonly transaction: Transaction | undefined
  /** Compacted away. */
  isRemoved: boolean
}

type Partition = {
  readonly topic: string
  readonly slots: Slot[]
  startOffset: number
  readonly open: Set<Transaction>
}
type Topic = { readonly spec: TopicSpec; readonly partitions: readonly Partition[] }

type ProducerState = {
  epoch: number
  transaction: Transaction | undefined
  /** The client repeats what was not answered; by its number a request is carried out once. */
  lastRequest: number
  lastAnswer: ProduceAnswer
}
export type ProduceAnswer = readonly PartitionOffset[]

export type ProducerId = { readonly id: string; readonly epoch: number; readonly request: number }

export type LogCoreOptions = {
  /** Commits and aborts take an offset in each partition, as in Kafka; without, as in the embedded log. */
  readonly controlRecords: boolean
  /** Whether this member may commit these offsets: the generation of the group. */
  readonly authorize: (member: string, offsets: readonly CommittedOffset[]) => StreamsError | undefined
  readonly onOffsets: (member: string, group: string, offsets: readonly CommittedOffset[]) => void
  /** Calls back when a transaction that begins now has been open for too long. */
  readonly onTimeOut?: (callback: () => void) => { cancel(): void }
  /** Told of each record of a transaction when that commits. */
  readonly onCommitted?: (topic: string, record: LogRecord) => void
}

/**
 * What the brokers hold: topics, transactions, offsets of groups. All clients of a run share one; each operation is
 * atomic and synchronous, and everything that can go wrong happens on the way to it.
 */
export class LogCore {
  readonly #options: LogCoreOptions
  readonly #topics = new Map<string, Topic>()
  readonly #producers = new Map<string, ProducerState>()
  readonly #groups = new Map<string, Map<string, CommittedOffset>>()
  readonly #waiting = new Set<() => void>()

  constructor(options: LogCoreOptions) {
    this.#options = options
  }

  /** Calls back once, at the next change. */
  onChange(callback: () => void): { cancel(): void } {
    this.#waiting.add(callback)
    return { cancel: () => void this.#waiting.delete(callback) }
  }

  #changed(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const callback of waiting) callback()
  }

  // Topics -----------------------------------------------------------------------------------------------------------

  createTopics(specs: readonly TopicSpec[]): void {
    for (const spec of specs) {
      const existing = this.#topics.get(spec.name)
      if (existing === undefined) {
        const partitions = Array.from({ length: spec.partitions }, () => ({
          topic: spec.name,
          slots: [],
          startOffset: 0,
          open: new Set<Transaction>(),
        }))
        this.#topics.set(spec.name, { spec, partitions })
      } else if (existing.partitions.length !== spec.partitions) {
        throw new StreamsError(
          'TOPIC_MISMATCH',
          `topic ${spec.name} has ${existing.partitions.length} partitions, not ${spec.partitions}`,
        )
      }
    }
  }

  deleteTopics(names: readonly string[]): void {
    for (const name of names) this.#topics.delete(name)
  }

  describe(names: readonly string[]): ReadonlyMap<string, TopicDescription> {
    return new Map(
      names.flatMap((name) => {
        const topic = this.#topics.get(name)
        if (topic === undefined) return []
        const { spec } = topic
        return [[name, { name, partitions: spec.partitions, config: spec.config ?? {} }] as const]
      }),
    )
  }

  topicNames(): readonly string[] {
    return [...this.#topics.keys()].sort()
  }

  partitionsOf(topic: string): number {
    return this.#topics.get(topic)?.partitions.length ?? 0
  }

  slots({ topic, partition }: TopicPartition): readonly Slot[] {
    return this.#partition({ topic, partition }).slots
  }

  #partition({ topic, partition }: TopicPartition): Partition {
    const found = this.#topics.get(topic)
    if (found === undefined) throw new StreamsError('TOPIC_MISSING', `there is no topic ${topic}`)
    const state = found.partitions[partition]
    if (state === undefined)
      throw new StreamsError('OFFSET_OUT_OF_RANGE', `topic ${topic} has no partition ${partition}`)
    return state
  }

  // Reading ----------------------------------------------------------------------------------------------------------

  startOffset(partition: TopicPartition): number {
    return this.#partition(partition).startOffset
  }

  /** The end that a reader of committed records may see. */
  stableOffset(partition: TopicPartition): number {
    const state = this.#partition(partition)
    let end = state.slots.length
    for (const transaction of state.open) end = Math.min(end, transaction.firstOffsets.get(state) ?? end)
    return end
  }

  read(
    { topic, partition, offset }: PartitionOffset,
    limits: {
      readonly committed: boolean
      readonly recordsMax: number
      readonly bytesMax: number
      /** The first record of a poll is given however large it is. */
      readonly isFirst: boolean
    },
  ): {
    readonly records: readonly LogRecord[]
    readonly bytes: number
    readonly nextOffset: number
    readonly endOffset: number
  } {
    const state = this.#partition({ topic, partition })
    const endOffset = limits.committed ? this.stableOffset({ topic, partition }) : state.slots.length
    if (offset < state.startOffset || offset > state.slots.length) {
      throw new StreamsError(
        'OFFSET_OUT_OF_RANGE',
        `${topic}-${partition} has offsets ${state.startOffset} to ${state.slots.length}, not ${offset}`,
      )
    }
    const records: LogRecord[] = []
    let bytes = 0
    let at = offset
    for (; at < endOffset; at++) {
      const { record, transaction, isRemoved } = state.slots[at] as Slot
      if (record === undefined || isRemoved || (limits.committed && transaction?.outcome === 'aborted')) continue
      const size = (record.key?.length ?? 0) + (record.value?.length ?? 0)
      const mayBeLarge = limits.isFirst && records.length === 0
      if (records.length >= limits.recordsMax || (!mayBeLarge && bytes + size > limits.bytesMax)) break
      records.push(record)
      bytes += size
    }
    return { records, bytes, nextOffset: at, endOffset }
  }

  offsetForTime(partition: TopicPartition, timestampMs: number): number {
    const { slots, startOffset } = this.#partition(partition)
    for (let at = startOffset; at < slots.length; at++) {
      const record = slots[at]?.record
      if (record !== undefined && record.timestampMs >= timestampMs) return at
    }
    return slots.length
  }

  deleteRecords(before: readonly PartitionOffset[]): void {
    for (const { topic, partition, offset } of before) {
      const state = this.#partition({ topic, partition })
      state.startOffset = Math.max(state.startOffset, Math.min(offset, state.slots.length))
    }
  }

  /** Removes what a later committed record of the same key has replaced, but nothing within the topic's lag. */
  compact(): void {
    for (const { spec, partitions } of this.#topics.values()) {
      if (spec.config?.cleanupPolicy === undefined || spec.config.cleanupPolicy === 'delete') continue
      for (let partition = 0; partition < partitions.length; partition++) {
        const { slots } = partitions[partition] as Partition
        const seen = new Set<string>()
        const newestMs = slots.reduce((newest, { record }) => Math.max(newest, record?.timestampMs ?? 0), 0)
        const compactedBeforeMs = newestMs - (spec.config.minCompactionLagMs ?? 0)
        for (let at = this.stableOffset({ topic: spec.name, partition }) - 1; at >= 0; at--) {
          const { record, transaction, isRemoved } = slots[at] as Slot
          if (record?.key == null || isRemoved || transaction?.outcome === 'aborted') continue
          const key = hexOf(record.key, record.key.length)
          if (seen.has(key) && record.timestampMs <= compactedBeforeMs) (slots[at] as Slot).isRemoved = true
          seen.add(key)
        }
      }
    }
  }

  // Writing ----------------------------------------------------------------------------------------------------------

  /** Without a transaction; the number of the request makes a repetition harmless. */
  append(records: readonly Appended[], producer?: ProducerId): ProduceAnswer {
    const state = producer === undefined ? undefined : this.#producer(producer)
    if (state !== undefined && producer !== undefined && state.lastRequest >= producer.request) return state.lastAnswer
    const answer = this.#append(records, undefined)
    if (state !== undefined && producer !== undefined) this.#answered(state, producer, answer)
    this.#changed()
    return answer
  }

  openProducer(id: string): number {
    const state = this.#producers.get(id)
    if (state === undefined) {
      this.#producers.set(id, { epoch: 0, transaction: undefined, lastRequest: -1, lastAnswer: [] })
      return 0
    }
    this.abort(id)
    state.epoch++
    state.lastRequest = -1
    return state.epoch
  }

  /** Adds to the producer's open transaction, beginning one if there is none. */
  produce(producer: ProducerId, records: readonly Appended[]): ProduceAnswer {
    const state = this.#producer(producer)
    if (state.lastRequest >= producer.request) return state.lastAnswer
    const answer = this.#append(records, this.#transaction(state))
    this.#answered(state, producer, answer)
    return answer
  }

  commit(
    producer: ProducerId,
    member: string,
    records: readonly Appended[],
    group: string,
    offsets: readonly CommittedOffset[],
  ): ProduceAnswer {
    const state = this.#producer(producer)
    if (state.lastRequest >= producer.request) return state.lastAnswer
    const refused = this.#options.authorize(member, offsets)
    if (refused !== undefined) {
      this.abort(producer.id)
      throw refused
    }
    const answer = this.#append(records, this.#transaction(state))
    this.#end(state, 'committed')
    this.#setOffsets(member, group, offsets)
    this.#answered(state, producer, answer)
    this.#changed()
    return answer
  }

  abortTransaction(producer: ProducerId): void {
    this.#producer(producer)
    this.abort(producer.id)
  }

  /** Whoever asks for it. */
  abort(id: string): void {
    const state = this.#producers.get(id)
    if (state?.transaction === undefined) return
    this.#end(state, 'aborted')
    this.#changed()
  }

  /** As after a time-out of the transaction: its producer is fenced too. */
  timeOut(id: string): boolean {
    const state = this.#producers.get(id)
    if (state?.transaction === undefined) return false
    this.abort(id)
    state.epoch++
    return true
  }

  #transaction(state: ProducerState): Transaction {
    if (state.transaction === undefined) {
      const begun: Transaction = { firstOffsets: new Map(), outcome: 'open', timeOut: undefined }
      state.transaction = begun
      begun.timeOut = this.#options.onTimeOut?.(() => {
        this.#end(state, 'aborted')
        state.epoch++
        this.#changed()
      })
    }
    return state.transaction
  }

  #producer({ id, epoch }: ProducerId): ProducerState {
    const state = this.#producers.get(id)
    assert(state !== undefined, `producer ${id} was opened`)
    if (state.epoch !== epoch) {
      throw new StreamsError('FENCED', `producer ${id} has epoch ${epoch}, but ${state.epoch} has taken over`)
    }
    return state
  }

  #answered(state: ProducerState, producer: ProducerId, answer: ProduceAnswer): void {
    state.lastRequest = producer.request
    state.lastAnswer = answer
  }

  #append(records: readonly Appended[], transaction: Transaction | undefined): ProduceAnswer {
    const ends = new Map<string, PartitionOffset>()
    for (const { topic, partition, key, value, timestampMs, headers } of records) {
      const state = this.#partition({ topic, partition })
      const offset = state.slots.length
      if (transaction !== undefined && !transaction.firstOffsets.has(state)) {
        transaction.firstOffsets.set(state, offset)
        state.open.add(transaction)
      }
      state.slots.push({ record: { offset, timestampMs, key, value, headers }, transaction, isRemoved: false })
      ends.set(`${topic}/${partition}`, { topic, partition, offset: offset + 1 })
    }
    return [...ends.values()]
  }

  #end(state: ProducerState, outcome: 'committed' | 'aborted'): void {
    const { transaction } = state
    if (transaction === undefined) return
    transaction.outcome = outcome
    transaction.timeOut?.cancel()
    const { onCommitted } = this.#options
    for (const [partition, firstOffset] of transaction.firstOffsets) {
      partition.open.delete(transaction)
      for (
        let at = firstOffset;
        onCommitted !== undefined && outcome === 'committed' && at < partition.slots.length;
        at++
      ) {
        const slot = partition.slots[at] as Slot
        if (slot.transaction === transaction && slot.record !== undefined) onCommitted(partition.topic, slot.record)
      }
      if (this.#options.controlRecords) partition.slots.push({ record: undefined, transaction, isRemoved: false })
    }
    state.transaction = undefined
  }

  // Groups -----------------------------------------------------------------------------------------------------------

  commitOffsets(member: string, group: string, offsets: readonly CommittedOffset[]): void {
    const refused = this.#options.authorize(member, offsets)
    if (refused !== undefined) throw refused
    this.#setOffsets(member, group, offsets)
  }

  #setOffsets(member: string, group: string, offsets: readonly CommittedOffset[]): void {
    if (offsets.length === 0) return
    const known = this.#groups.get(group) ?? new Map<string, CommittedOffset>()
    this.#groups.set(group, known)
    this.#options.onOffsets(member, group, offsets)
    for (const offset of offsets) known.set(`${offset.topic}/${offset.partition}`, offset)
  }

  committedOffsets(group: string, partitions?: readonly TopicPartition[]): readonly CommittedOffset[] {
    const known = this.#groups.get(group)
    if (known === undefined) return []
    if (partitions === undefined) return [...known.values()]
    return partitions.flatMap(({ topic, partition }) => known.get(`${topic}/${partition}`) ?? [])
  }

  groupNames(): readonly string[] {
    return [...this.#groups.keys()].sort()
  }

  deleteGroup(group: string): void {
    this.#groups.delete(group)
  }
}
