import { expect, test } from 'vitest'
import type { EventId } from '#schemas'
import type { KeyValueStore } from '#streams'
import { createPrng } from '#streams/base'
import type { Movement } from '../shared/movement.ts'
import { DAY_MS, HOUR_MS } from '../shared/time.ts'
import { moveOf, NO_MOVES, remember, withTrail } from './memory.ts'
import { MoveMemory } from './move-memory.ts'
import { type FraudMoves, MOVES_MAX, NEWEST_MOVES_MAX, type NewestMoves } from './stores.ts'

const START_MS = 1_700_000_000_000

function storeOf<V>() {
  const values = new Map<string, V>()
  let writes = 0
  const store = {
    get: (key: string) => values.get(key),
    put(key: string, value: V) {
      writes++
      values.set(key, value)
    },
    delete: (key: string) => values.delete(key),
  }
  return { values, store: store as unknown as KeyValueStore<string, V>, writes: () => writes }
}

function movementOf(number: number, amountMinor: number, counterparty: string): Movement {
  return {
    kind: amountMinor < 0 ? 'withdrawal' : 'deposit',
    amountMinor,
    counterparty,
    eventId: `E${number}` as EventId,
    eventType: 'deposit.completed',
    byMember: amountMinor < 0,
    channel: 'mpesa',
  } as unknown as Movement
}

test.each([1, 2, 3, 4])('two records are read as the one that they would be, whatever comes: seed %i', (seed) => {
  const prng = createPrng(seed)
  const large = storeOf<FraudMoves>()
  const small = storeOf<NewestMoves>()
  const memory = new MoveMemory(large.store, small.store)
  let expected = NO_MOVES
  let timeMs = START_MS
  for (let i = 0; i < 600; i++) {
    timeMs += prng.below(100) === 0 ? 10 * DAY_MS : prng.below(HOUR_MS)
    const isLate = prng.below(10) === 0
    const atMs = isLate ? timeMs - prng.below(12 * DAY_MS) : timeMs
    const movement = movementOf(i, prng.below(2_000) - 1_000, `P${prng.below(20)}`)
    const move = moveOf(movement, atMs)
    const after = memory.remember('M1', memory.get('M1'), movement, move)
    expected = remember(expected, movement, move)
    expect(after).toEqual(expected)
    if (prng.below(15) === 0) {
      const trail = { time_ms: timeMs, amount_minor: 5, members: ['M2'], events: [`T${i}`] }
      expected = withTrail(expected, trail)
      memory.replace('M1', withTrail(memory.get('M1'), trail))
    }
    expect(memory.get('M1')).toEqual(expected)
    const { out_count, out_minor } = expected
    expect(memory.totalsOf('M1')).toMatchObject({ out_count, out_minor })
    expect(small.values.get('M1')?.moves.length ?? 0).toBeLessThan(NEWEST_MOVES_MAX)
    expect(expected.moves.length).toBeLessThanOrEqual(MOVES_MAX)
  }
})

test('the large record is written once in a while', () => {
  const large = storeOf<FraudMoves>()
  const small = storeOf<NewestMoves>()
  const memory = new MoveMemory(large.store, small.store)
  for (let i = 0; i < 80; i++) {
    const movement = movementOf(i, 100, '')
    memory.remember('M1', memory.get('M1'), movement, moveOf(movement, START_MS + i))
  }
  expect(large.writes()).toBe(80 / NEWEST_MOVES_MAX)
})
