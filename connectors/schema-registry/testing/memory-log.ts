import { compareBytes } from '#streams/base'
import type { Consumer, FetchedBatch, Log, LogRecord, Producer } from '#streams/ports'

/**
 * A log of one partition in memory, as far as the registry's store needs one, with the faults that matter to it: a
 * commit that is lost, and a commit whose answer is lost. Fences producers by transactional id as a broker does.
 */
export type MemoryLog = {
  readonly log: Log
  /** What the next commit does. */
  failNextCommit(how: 'lost-request' | 'lost-answer'): void
  /** Keeps the newest record of each key and drops tombstones, as compaction ends up doing. */
  compact(): void
}

export function createMemoryLog(): MemoryLog {
  let records: LogRecord[] = []
  let offsetNext = 0
  let epoch = 0
  let fault: 'lost-request' | 'lost-answer' | undefined

  const createProducer = async (): Promise<Producer> => {
    epoch++
    const ownEpoch = epoch
    let pending: Omit<LogRecord, 'offset'>[] = []
    const unused = (): never => {
      throw new Error('not part of this log')
    }
    return {
      bytesBuffered: 0,
      send: (_topic, _partition, key, value, timestampMs, headers) =>
        void pending.push({ key, value, timestampMs, headers }),
      partitionCount: () => 1,
      prepareTopics: async () => {},
      flush: async () => {},
      async commitTransaction() {
        const sent = pending
        pending = []
        if (ownEpoch !== epoch) throw new Error('FENCED')
        const happened = fault
        fault = undefined
        if (happened === 'lost-request') throw new Error('no answer')
        for (const record of sent) records.push({ ...record, offset: offsetNext++ })
        // The marker of the transaction takes an offset of its own.
        offsetNext++
        if (happened === 'lost-answer') throw new Error('no answer')
      },
      abortTransaction: unused,
      commitOffsets: unused,
      producedOffset: unused,
      close: async () => {},
    }
  }

  const createConsumer = async (): Promise<Consumer> => {
    let position = 0
    const unused = (): never => {
      throw new Error('not part of this log')
    }
    return {
      assign: ([start]) => {
        position = start?.offset ?? 0
      },
      async poll() {
        // Two records at a time, so that reading takes several polls.
        const found = records.filter((record) => record.offset >= position).slice(0, 2)
        position = found.length === 2 ? (found[1] as LogRecord).offset + 1 : offsetNext
        const batch: FetchedBatch = {
          topic: '_schemas',
          partition: 0,
          records: found,
          nextOffset: position,
          endOffset: offsetNext,
        }
        return [batch]
      },
      pause: unused,
      resume: unused,
      seek: unused,
      wakeup: unused,
      position: () => position,
      close: async () => {},
    }
  }

  const admin = {
    createTopics: async () => {},
    startOffsets: async () => [{ topic: '_schemas', partition: 0, offset: 0 }],
    endOffsets: async () => [{ topic: '_schemas', partition: 0, offset: offsetNext }],
  } as unknown as Log['admin']

  return {
    log: { admin, createConsumer, createProducer, close: async () => {} },
    failNextCommit(how) {
      fault = how
    },
    compact() {
      const isNewest = (record: LogRecord, index: number): boolean =>
        !records.some(
          (other, at) => at > index && compareBytes(other.key as Uint8Array, record.key as Uint8Array) === 0,
        )
      records = records.filter(isNewest).filter((record) => record.value !== null)
    },
  }
}
