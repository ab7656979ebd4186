import { compareBytes } from '../base/index.ts'
import { encodeSessionKey, encodeWindowStoreKey, serdes } from '../serdes/index.ts'

export type ModelEntry = {
  readonly key: string
  /** Window start or session end. */
  readonly timeMs: number
  readonly minor: number
  readonly value: string
}

/** Kafka Streams' rules for segmented stores, said as plainly as possible: everything is kept, reads filter and sort. */
export class SegmentedModel {
  readonly #kind: 'window' | 'session'
  readonly #retentionMs: number
  readonly #segmentIntervalMs: number
  #entries = new Map<string, ModelEntry>()
  #observedMs = -1
  #committed = { entries: new Map<string, ModelEntry>(), observedMs: -1 }

  constructor(kind: 'window' | 'session', retentionMs: number, segmentIntervalMs: number) {
    this.#kind = kind
    this.#retentionMs = retentionMs
    this.#segmentIntervalMs = segmentIntervalMs
  }

  put(key: string, timeMs: number, minor: number, value: string | null): boolean {
    this.#observedMs = Math.max(this.#observedMs, timeMs)
    const minLive = Math.trunc((this.#observedMs - this.#retentionMs) / this.#segmentIntervalMs)
    if (this.#segmentOf(timeMs) < minLive) return false
    const id = JSON.stringify([key, timeMs, minor])
    if (value === null) this.#entries.delete(id)
    else this.#entries.set(id, { key, timeMs, minor, value })
    return true
  }

  /** Entries of keys in [from, to], times in [timeFrom, timeTo] and a minor of at most `minorMax`. */
  find(
    from: string | undefined,
    to: string | undefined,
    timeFrom: number,
    timeTo: number,
    minorMax = Number.POSITIVE_INFINITY,
  ): ModelEntry[] {
    const liveFrom = Math.max(timeFrom, this.#observedMs - this.#retentionMs + 1)
    const bytes = (key: string) => serdes.string.serialize(key, 't')
    return [...this.#entries.values()]
      .filter(({ key, timeMs, minor }) => {
        if (from !== undefined && compareBytes(bytes(key), bytes(from)) < 0) return false
        if (to !== undefined && compareBytes(bytes(key), bytes(to)) > 0) return false
        return timeMs >= liveFrom && timeMs <= timeTo && minor <= minorMax
      })
      .sort((left, right) => this.#compare(left, right))
  }

  commit(): void {
    this.#committed = { entries: new Map(this.#entries), observedMs: this.#observedMs }
  }

  rollBack(): void {
    this.#entries = new Map(this.#committed.entries)
    this.#observedMs = this.#committed.observedMs
  }

  #compare(left: ModelEntry, right: ModelEntry): number {
    const bySegment = this.#segmentOf(left.timeMs) - this.#segmentOf(right.timeMs)
    return bySegment === 0 ? compareBytes(this.#storeKey(left), this.#storeKey(right)) : bySegment
  }

  #storeKey({ key, timeMs, minor }: ModelEntry): Uint8Array {
    const bytes = serdes.string.serialize(key, 't')
    return this.#kind === 'window' ? encodeWindowStoreKey(bytes, timeMs, minor) : encodeSessionKey(bytes, minor, timeMs)
  }

  #segmentOf(timeMs: number): number {
    return Math.floor(timeMs / this.#segmentIntervalMs)
  }
}
