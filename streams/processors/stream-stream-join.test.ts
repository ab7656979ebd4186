import { describe, expect, test } from 'vitest'
import { createPrng } from '../base/index.ts'
import { serdes } from '../serdes/index.ts'
import type { JoinKind, JoinWindows } from './joins.ts'
import { streamSelfJoin } from './stream-self-join.ts'
import { streamStreamJoin } from './stream-stream-join.ts'
import { joinWindowStoreSpec } from './stream-stream-join-stores.ts'
import { createHarness, type Harness } from './testing/harness.ts'
import { streamJoinNodes } from './testing/join-topologies.ts'
import { openStore } from './testing/open-store.ts'

const { string } = serdes
const windows: JoinWindows = { beforeMs: 10, afterMs: 10, graceMs: 5 }

type Line = readonly [topic: string, key: string | null, value: string | null, timestampMs: number]

/** Results as `key:value@timestamp`. */
function feed(harness: Harness, ...[topic, key, value, timestampMs]: Line): string[] {
  const outputs = harness.pipe(topic, { key, value, timestampMs })
  return outputs.map((output) => `${output.key}:${output.value}@${output.timestampMs}`)
}

const join = (kind: JoinKind, emitIntervalMs = 0): Harness =>
  createHarness({ nodes: streamJoinNodes(kind, windows, emitIntervalMs), openStore })

describe('null keys and values (KIP-962)', () => {
  type NullCase = { readonly kind: JoinKind; readonly line: Line; readonly output: string[]; readonly dropped: number }
  const cases: readonly NullCase[] = [
    { kind: 'inner', line: ['left', null, 'l', 1], output: [], dropped: 1 },
    { kind: 'inner', line: ['left', 'a', null, 1], output: [], dropped: 1 },
    { kind: 'left', line: ['left', null, 'l', 1], output: ['null:l+null@1'], dropped: 0 },
    { kind: 'left', line: ['left', 'a', null, 1], output: [], dropped: 1 },
    { kind: 'left', line: ['left', null, null, 1], output: [], dropped: 1 },
    { kind: 'left', line: ['right', null, 'r', 1], output: [], dropped: 1 },
    { kind: 'outer', line: ['right', null, 'r', 1], output: ['null:null+r@1'], dropped: 0 },
    { kind: 'outer', line: ['right', 'a', null, 1], output: [], dropped: 1 },
  ]
  test.each(cases)('$kind join, $line', ({ kind, line, output, dropped }) => {
    const harness = join(kind)
    expect(feed(harness, ...line)).toEqual(output)
    expect(harness.dropped).toEqual(Array(dropped).fill('Skipping record due to null key or value.'))
  })
})

test('an unmatched record goes out once its window and grace are past, with its own time and the headers of the trigger', () => {
  const harness = join('left')
  expect(feed(harness, 'left', 'a', 'l', 100)).toEqual([])
  expect(feed(harness, 'right', 'b', 'r', 115)).toEqual([])
  const headers = [{ key: 'h', value: null }]
  expect(harness.pipe('right', { key: 'b', value: 'r', timestampMs: 116, headers })).toEqual([
    { key: 'a', value: 'l+null', timestampMs: 100, headers, node: 'out' },
  ])
  expect(feed(harness, 'right', 'a', 'late', 105)).toEqual(['a:l+late@105'])
})

test('a matched record does not go out alone', () => {
  const harness = join('outer')
  feed(harness, 'left', 'a', 'l', 100)
  expect(feed(harness, 'right', 'a', 'r', 104)).toEqual(['a:l+r@104'])
  expect(feed(harness, 'right', 'z', 'r', 500)).toEqual([])
})

test('several unmatched records of one key and time all go out, in the order in which they came', () => {
  const harness = join('outer')
  feed(harness, 'left', 'b', 'l1', 100)
  feed(harness, 'left', 'b', 'l2', 100)
  feed(harness, 'left', 'a', 'l3', 100)
  feed(harness, 'right', 'c', 'r1', 100)
  expect(feed(harness, 'left', 'z', 'l', 200)).toEqual([
    'c:null+r1@100',
    'a:l3+null@100',
    'b:l1+null@100',
    'b:l2+null@100',
  ])
})

test('what comes after its window is behind stream time goes out alone at once', () => {
  const harness = join('left')
  feed(harness, 'right', 'z', 'r', 200)
  expect(feed(harness, 'left', 'a', 'l', 189)).toEqual(['a:l+null@189'])
  expect(feed(harness, 'left', 'a', 'l', 190)).toEqual([])
})

test('unmatched results are looked for at most once per emit interval of wall-clock time', () => {
  const harness = join('left', 1000)
  harness.advanceWallClock(5000)
  feed(harness, 'left', 'a', 'l', 100)
  expect(feed(harness, 'right', 'z', 'r', 200)).toEqual(['a:l+null@100'])
  feed(harness, 'left', 'b', 'l', 300)
  expect(feed(harness, 'right', 'z', 'r', 400)).toEqual([])
  harness.advanceWallClock(999)
  expect(feed(harness, 'right', 'z', 'r', 500)).toEqual([])
  harness.advanceWallClock(1)
  expect(feed(harness, 'right', 'z', 'r', 600)).toEqual(['b:l+null@300'])
})

describe('after a restart', () => {
  test('unmatched records still go out, once', () => {
    const harness = join('left')
    feed(harness, 'left', 'a', 'l', 100)
    harness.commit()
    harness.crash()
    expect(feed(harness, 'left', 'z', 'l', 200)).toEqual(['a:l+null@100'])
    harness.commit()
    harness.crash()
    expect(feed(harness, 'right', 'y', 'r', 201)).toEqual([])
  })

  test('a closed window stays closed', () => {
    const harness = join('left')
    feed(harness, 'right', 'z', 'r', 200)
    harness.commit()
    harness.crash()
    expect(feed(harness, 'left', 'a', 'l', 100)).toEqual(['a:l+null@100'])
  })

  test('what was not committed counts for nothing', () => {
    const harness = join('left')
    harness.commit()
    feed(harness, 'right', 'z', 'r', 200)
    harness.crash()
    expect(feed(harness, 'left', 'a', 'l', 100)).toEqual([])
  })
})

describe('the join of a stream with itself over one store', () => {
  const storeOf = (name: string, window: JoinWindows) =>
    joinWindowStoreSpec({
      name,
      windows: window,
      persistence: 'persistent',
      logging: {},
      keySerde: string,
      valueSerde: string,
    })
  const joiner = (left: string, right: string): string => `${left}+${right}`

  const selfJoin = (window: JoinWindows): Harness => {
    const { windowed, selfJoin } = streamSelfJoin({ windows: window, store: storeOf('store', window), joiner })
    const nodes = [
      { name: 'windowed', parents: ['in'], supplier: windowed },
      { name: 'out', parents: ['windowed'], supplier: selfJoin },
    ]
    return createHarness({ nodes, openStore })
  }

  /** The same by two stores and two sides. */
  const innerJoin = (window: JoinWindows): Harness => {
    const leftStore = storeOf('left-store', window)
    const rightStore = storeOf('right-store', window)
    const sides = streamStreamJoin({ kind: 'inner', windows: window, leftStore, rightStore, joiner })
    const nodes = [
      { name: 'left-windowed', parents: ['in'], supplier: sides.leftWindowed },
      { name: 'right-windowed', parents: ['in'], supplier: sides.rightWindowed },
      { name: 'left-join', parents: ['left-windowed'], supplier: sides.leftJoin },
      { name: 'right-join', parents: ['right-windowed'], supplier: sides.rightJoin },
    ]
    return createHarness({ nodes, openStore })
  }

  test.each([
    { beforeMs: 10, afterMs: 10, graceMs: 100 },
    { beforeMs: 0, afterMs: 15, graceMs: 100 },
    { beforeMs: 20, afterMs: 3, graceMs: 100 },
  ])('gives what an inner join gives, in its order: $beforeMs ms before, $afterMs ms after', (window) => {
    const prng = createPrng(window.afterMs)
    const single = selfJoin(window)
    const double = innerJoin(window)
    for (let i = 0; i < 200; i++) {
      const line: Line = ['in', ['a', 'b', null][prng.below(3)] ?? null, `v${i}`, i * 3 + prng.below(40)]
      expect(feed(single, ...line)).toEqual(feed(double, ...line))
    }
  })

  test('an expired record does not join with itself, also after a restart', () => {
    const harness = selfJoin(windows)
    feed(harness, 'in', 'a', 'v1', 1000)
    harness.commit()
    harness.crash()
    expect(feed(harness, 'in', 'a', 'old', 900)).toEqual([])
    expect(feed(harness, 'in', 'a', 'v2', 990)).toEqual(['a:v2+v1@1000', 'a:v2+v2@990', 'a:v1+v2@1000'])
  })
})
