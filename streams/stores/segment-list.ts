import type { Bytes } from '../base/index.ts'
import type { Keyspace, WriteBatch } from '../ports/index.ts'
import { encodeSegmentId, segmentIdOf } from './segment-schema.ts'

/** Ids are < 2^53, so all of them start with 0; other keys of the keyspace start with something else. */
const SEGMENTS_END: Bytes = Uint8Array.of(1)

/** The segments of a store that may hold something: few, since they expire whole. */
export class SegmentList {
  readonly #keyspace: Keyspace
  readonly #intervalMs: number
  /** Ascending. */
  #ids: number[] = []

  constructor(keyspace: Keyspace, intervalMs: number) {
    this.#keyspace = keyspace
    this.#intervalMs = intervalMs
    this.reload()
  }

  get isEmpty(): boolean {
    return this.#ids.length === 0
  }

  idOf(timeMs: number): number {
    return Math.floor(timeMs / this.#intervalMs)
  }

  /** The first time of the oldest segment that is live when `timeMs` is the oldest time to keep. */
  firstLiveMs(timeMs: number): number {
    return Math.trunc(timeMs / this.#intervalMs) * this.#intervalMs
  }

  /** Ids of segments with times in [fromMs, toMs], ascending. */
  idsIn(fromMs: number, toMs: number): number[] {
    const first = this.idOf(Math.max(0, fromMs))
    const last = this.idOf(toMs)
    return this.#ids.filter((id) => id >= first && id <= last)
  }

  /** Something is put at this time. */
  note(timeMs: number): void {
    const id = this.idOf(timeMs)
    const ids = this.#ids
    let index = ids.length
    while (index > 0 && (ids[index - 1] as number) > id) index--
    if (ids[index - 1] !== id) ids.splice(index, 0, id)
  }

  /** Deletes the segments before the one of `minLiveMs`; takes effect with the batch. */
  deleteExpired(batch: WriteBatch, minLiveMs: number): void {
    const minLive = this.idOf(Math.max(0, minLiveMs))
    const oldest = this.#ids[0]
    if (oldest === undefined || oldest >= minLive) return
    batch.deleteRange(this.#keyspace, encodeSegmentId(oldest), encodeSegmentId(minLive))
    this.#ids = this.#ids.filter((id) => id >= minLive)
  }

  /** Asks the engine which segments there are: one seek for each. */
  reload(): void {
    this.#ids = []
    let from: Bytes | undefined
    for (;;) {
      const iterator = this.#keyspace.iterate({ from, to: SEGMENTS_END })
      const id = iterator.next() ? segmentIdOf(iterator.key) : undefined
      iterator.close()
      if (id === undefined) return
      this.#ids.push(id)
      from = encodeSegmentId(id + 1)
    }
  }
}
