import { assert, type Bytes } from '#streams/base'

export type QueuedBatch = { readonly bytes: Bytes; readonly baseOffset: number; readonly nextOffset: number }

/** Freed places at the front are given back when there are at least so many. */
const COMPACT_AT = 1024

/**
 * The newest batches of a partition in memory, in offset order: first those that are in the segment file too (they are
 * a cache and may be evicted), then those that are only in the journal.
 */
export class BatchQueue {
  #items: (QueuedBatch | undefined)[] = []
  #head = 0
  /** How many, from the front, are in a segment file. */
  #flushedCount = 0

  get count(): number {
    return this.#items.length - this.#head
  }

  get flushedCount(): number {
    return this.#flushedCount
  }

  at(index: number): QueuedBatch {
    const item = this.#items[this.#head + index]
    assert(item !== undefined, 'the index lies within the queue')
    return item
  }

  push(batch: QueuedBatch): void {
    this.#items.push(batch)
  }

  markFlushed(count: number): void {
    this.#flushedCount += count
    assert(this.#flushedCount <= this.count, 'only what is queued was flushed')
  }

  evict(): QueuedBatch {
    assert(this.#flushedCount > 0, 'only a batch that is in a segment file is evicted')
    const item = this.at(0)
    this.#items[this.#head++] = undefined
    this.#flushedCount--
    if (this.#head >= COMPACT_AT && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Index of the first batch that ends after `offset`; `count` if there is none. */
  indexOf(offset: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.at(middle).nextOffset > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
