import { describe, expect, test } from 'vitest'
import { coordinatorPartition, decodeDecision } from './wire-transactions.ts'

/** Written by a broker 4.3.1: PREPARE_COMMIT of a transaction that wrote to six partitions and to the offsets of a group. */
const KEY = '0000000474782d31'
const VALUE =
  '00010000000000000000004c0000271002050574312d31030000000100000007000574332d31030000000100000007000574322d3103000000010000000700135f5f636f6e73756d65725f6f666673657473020000000300000001a1fae2a6ce000001a1fae2a6ac020008000000000000000002020002'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

describe('the log of the transaction coordinators', () => {
  test('a decision has the epoch of its markers, and all partitions', () => {
    const topics = ['t1-1', 't3-1', 't2-1'].flatMap((topic) => [1, 7].map((partition) => ({ topic, partition })))
    expect(decodeDecision(bytes(KEY), bytes(VALUE))).toEqual({
      transactionalId: 'tx-1',
      producerId: 0n,
      producerEpoch: 76,
      commits: true,
      partitions: [...topics, { topic: '__consumer_offsets', partition: 3 }],
    })
  })

  test.each([
    ['open', 1],
    ['committed', 4],
    ['aborted', 5],
  ])('%s is no decision', (_, status) => {
    const value = bytes(VALUE)
    value[16] = status
    expect(decodeDecision(bytes(KEY), value)).toBeUndefined()
  })

  test('an abort is one', () => {
    const value = bytes(VALUE)
    value[16] = 3
    expect(decodeDecision(bytes(KEY), value)).toMatchObject({ commits: false })
  })

  test('keys and values of versions that are not known are none', () => {
    expect(decodeDecision(bytes(`0001${KEY.slice(4)}`), bytes(VALUE))).toBeUndefined()
    expect(decodeDecision(bytes(KEY), bytes(`0002${VALUE.slice(4)}`))).toBeUndefined()
  })

  test('a value that is cut off is an error', () => {
    for (let length = 0; length < 60; length++)
      expect(() => decodeDecision(bytes(KEY), bytes(VALUE).subarray(0, length))).toThrow(RangeError)
  })

  test('ids are where the brokers look for them', () => {
    const found = ['tx-0', 'tx-1', 'tx-2', 'tx-3', 'tx-4', 'tx-5'].map((id) => coordinatorPartition(id, 4))
    expect(found).toEqual([3, 0, 1, 2, 3, 0])
  })
})
