import type { EventStream, LoadRecord } from '#load'

/** The stream of records with a look ahead, so that phases and limits can end before a record is taken. */
export type RecordSource = {
  peek(): LoadRecord | undefined
  take(): LoadRecord | undefined
  /** Up to `countMax` records, as long as `accepts` says yes to the next one. */
  takeWhile(countMax: number, accepts: (record: LoadRecord) => boolean): LoadRecord[]
  /** So many records as an iterator of their own. */
  first(count: number): Iterator<LoadRecord, undefined>
}

export function createRecordSource(stream: EventStream): RecordSource {
  let head: LoadRecord | undefined
  let hasHead = false
  const peek = (): LoadRecord | undefined => {
    if (!hasHead) {
      head = stream.next().value
      hasHead = true
    }
    return head
  }
  const take = (): LoadRecord | undefined => {
    const record = peek()
    hasHead = false
    return record
  }
  return {
    peek,
    take,
    takeWhile(countMax, accepts) {
      const records: LoadRecord[] = []
      for (let record = peek(); record !== undefined && records.length < countMax; record = peek()) {
        if (!accepts(record)) break
        records.push(record)
        take()
      }
      return records
    },
    first(count) {
      let left = count
      return {
        next: () => {
          const record = left-- > 0 ? take() : undefined
          return record === undefined ? { done: true, value: undefined } : { done: false, value: record }
        },
      }
    },
  }
}
