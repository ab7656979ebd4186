import { expect, test } from 'vitest'
import { type LogRecord, NO_HEADERS } from '../ports/index.ts'
import { RecordQueue } from './record-queue.ts'

function batch(from: number, count: number): readonly LogRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    offset: from + index,
    timestampMs: from + index,
    key: new Uint8Array(1),
    value: new Uint8Array(10),
    headers: NO_HEADERS,
  }))
}

test('a queue that is never empty lets go of what was taken from it', () => {
  const queue = new RecordQueue('in', 0, 0, (raw, _partitionTimeMs, head) => {
    head.timestampMs = raw.timestampMs
    return true
  })
  const taken: number[] = []
  queue.add(batch(0, 20), 20, 20)
  for (let round = 1; round <= 500; round++) {
    queue.add(batch(round * 10 + 10, 10), round * 10 + 20, round * 10 + 20)
    for (let i = 0; i < 10; i++) {
      taken.push(queue.head.offset)
      queue.advance()
    }
    expect(queue.recordsHeld).toBeLessThanOrEqual(40)
  }
  expect(taken).toEqual(Array.from({ length: 5000 }, (_, offset) => offset))
  expect(queue.byteCount).toBe(19 * 51)
})
