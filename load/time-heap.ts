/**
 * A min-heap by time, first in first out at equal times: what is put in twice at one instant comes out in the same
 * order on every machine. The arrays are kept apart so that a sift moves numbers, not objects.
 */
export type TimeHeap<T> = {
  readonly count: number
  push(timeMs: number, item: T): void
  /** Infinity if it is empty. */
  headTimeMs(): number
  pop(): T | undefined
  clear(): void
}

export function createTimeHeap<T>(): TimeHeap<T> {
  const times: number[] = []
  const orders: number[] = []
  const items: T[] = []
  let pushed = 0

  const isBefore = (left: number, right: number): boolean => {
    const difference = (times[left] as number) - (times[right] as number)
    return difference < 0 || (difference === 0 && (orders[left] as number) < (orders[right] as number))
  }
  const swap = (left: number, right: number): void => {
    const time = times[left] as number
    const order = orders[left] as number
    const item = items[left] as T
    times[left] = times[right] as number
    orders[left] = orders[right] as number
    items[left] = items[right] as T
    times[right] = time
    orders[right] = order
    items[right] = item
  }
  const sink = (): void => {
    for (let at = 0; ; ) {
      let least = at
      const left = 2 * at + 1
      if (left < times.length && isBefore(left, least)) least = left
      if (left + 1 < times.length && isBefore(left + 1, least)) least = left + 1
      if (least === at) return
      swap(at, least)
      at = least
    }
  }

  return {
    get count() {
      return times.length
    },
    push(timeMs, item) {
      times.push(timeMs)
      orders.push(pushed++)
      items.push(item)
      for (let at = times.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1
        if (!isBefore(at, parent)) return
        swap(at, parent)
        at = parent
      }
    },
    headTimeMs: () => times[0] ?? Number.POSITIVE_INFINITY,
    pop() {
      if (times.length === 0) return undefined
      swap(0, times.length - 1)
      times.pop()
      orders.pop()
      const item = items.pop() as T
      sink()
      return item
    },
    clear() {
      times.length = 0
      orders.length = 0
      items.length = 0
    },
  }
}
