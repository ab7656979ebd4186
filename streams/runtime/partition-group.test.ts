import { expect, test } from 'vitest'
import { type LogRecord, NO_HEADERS } from '../ports/index.ts'
import { PartitionGroup } from './partition-group.ts'
import { RecordQueue } from './record-queue.ts'

const bytes = new Uint8Array([1])
const record = (offset: number, timestampMs: number): LogRecord => ({
  offset,
  timestampMs,
  key: bytes,
  value: bytes,
  headers: NO_HEADERS,
})

function queue(topic: string): RecordQueue {
  return new RecordQueue(topic, 0, 0, (raw, _partitionTimeMs, head) => {
    head.timestampMs = raw.timestampMs
    return raw.timestampMs >= 0
  })
}

function taken(group: PartitionGroup, count: number): readonly string[] {
  return Array.from({ length: count }, () => {
    const next = group.next()
    if (next === undefined) return 'none'
    const at = `${next.topic}@${next.head.timestampMs}`
    next.advance()
    return at
  })
}

test('the lowest timestamp among the heads is next, ties go to the first input', () => {
  const [left, right] = [queue('left'), queue('right')]
  const group = new PartitionGroup([left, right], 0)
  left.add([record(0, 5), record(1, 9)], 2, 2)
  right.add([record(0, 5), record(1, 1), record(2, 20)], 3, 3)
  // Only heads are compared: right's 1 waits behind its 5.
  expect(taken(group, 6)).toEqual(['left@5', 'right@5', 'right@1', 'left@9', 'right@20', 'none'])
})

test('an empty input is waited for until it is known to be at its end', () => {
  const [left, right] = [queue('left'), queue('right')]
  const group = new PartitionGroup([left, right], 0)
  left.add([record(0, 5)], 1, 1)
  expect(group.isReady(0)).toBe(false) // right's end is not known yet
  right.add([], 0, 3)
  expect(group.isReady(0)).toBe(false) // three records are there and not fetched
  right.add([record(0, 1), record(1, 2), record(2, 3)], 3, 3)
  expect(group.isReady(0)).toBe(true)
  expect(taken(group, 3)).toEqual(['right@1', 'right@2', 'right@3'])
  expect(group.isReady(0)).toBe(true) // at its end
})

test('maxTaskIdleMs waits longer for an input at its end; -1 never waits', () => {
  const build = (maxTaskIdleMs: number): PartitionGroup => {
    const [left, right] = [queue('left'), queue('right')]
    left.add([record(0, 5)], 1, 1)
    right.add([], 0, 0)
    return new PartitionGroup([left, right], maxTaskIdleMs)
  }
  const patient = build(100)
  expect([0, 99, 100].map((now) => patient.isReady(now))).toEqual([false, false, true])
  const unknownEnd = new PartitionGroup([queue('left'), queue('right')], -1)
  unknownEnd.queues[0]?.add([record(0, 5)], 1, 1)
  expect(unknownEnd.isReady(0)).toBe(true)
})

test('what is dropped on reading moves the committable offset', () => {
  const only = queue('in')
  only.add([record(0, -1), record(1, -1), record(2, 7), record(3, -1)], 6, 6)
  expect([only.hasHead, only.committableOffset]).toEqual([true, 2])
  only.advance()
  expect([only.hasHead, only.committableOffset, only.recordCount, only.byteCount]).toEqual([false, 6, 0, 0])
  expect(only.partitionTimeMs).toBe(7)
})

test('a choice without a record of every input is counted', () => {
  const [left, right] = [queue('left'), queue('right')]
  const group = new PartitionGroup([left, right], 0)
  let enforced = 0
  group.enforced = {
    add: (count) => {
      enforced += count
    },
  }
  left.add([record(0, 5), record(1, 6)], 2, 2)
  expect([group.isReady(0), enforced]).toEqual([false, 0])
  right.add([], 0, 0)
  expect([group.isReady(0), enforced]).toEqual([true, 1])
  right.add([record(0, 5)], 1, 1)
  expect([group.isReady(0), enforced]).toEqual([true, 1])
})
