import { describe, expect, test } from 'vitest'
import { serdes } from '../serdes/index.ts'
import { timestampedKeyValueStore } from '../stores/index.ts'
import type { InternalProcessorContext, Processor, TableValueGetter } from '../topology/processor.ts'
import type { Change, StreamRecord } from '../topology/record.ts'
import type { AnyJoiner, JoinKind } from './joins.ts'
import { tableTableJoin } from './table-table-join.ts'
import { createHarness, type Harness } from './testing/harness.ts'
import { type TableJoinSettings, tableJoinNodes, versionedStore } from './testing/join-topologies.ts'
import { openStore } from './testing/open-store.ts'

const resultStore = timestampedKeyValueStore({ name: 'result-store', key: serdes.string, value: serdes.string })

type Line = readonly [topic: string, key: string | null, value: string | null, timestampMs: number]

/** Changes as `key:old->new@timestamp`. */
function changes(harness: Harness, ...[topic, key, value, timestampMs]: Line): string[] {
  return harness.pipe(topic, { key, value, timestampMs }).map((output) => {
    const { newValue, oldValue } = output.value as Change<string>
    return `${output.key}:${oldValue}->${newValue}@${output.timestampMs}`
  })
}

const withOldValues = (kind: JoinKind, settings: TableJoinSettings = {}): Harness =>
  createHarness({ nodes: tableJoinNodes(kind, { ...settings, sendOldValues: true }), openStore })

type Step = readonly [line: Line, changes: readonly string[]]
const left1: Line = ['left', 'a', 'l1', 10]
const right1: Line = ['right', 'a', 'r1', 20]
const left2: Line = ['left', 'a', 'l2', 15]
const right0: Line = ['right', 'a', null, 30]
const left0: Line = ['left', 'a', null, 40]

describe('old values', () => {
  const cases: readonly { readonly kind: JoinKind; readonly steps: readonly Step[] }[] = [
    {
      kind: 'inner',
      steps: [
        [left1, []],
        [right1, ['a:null->l1+r1@20']],
        [left2, ['a:l1+r1->l2+r1@20']],
        [right0, ['a:l2+r1->null@30']],
        [left0, []],
      ],
    },
    {
      kind: 'left',
      steps: [
        [left1, ['a:null->l1+null@10']],
        [right1, ['a:l1+null->l1+r1@20']],
        [left2, ['a:l1+r1->l2+r1@20']],
        [right0, ['a:l2+r1->l2+null@30']],
        [left0, ['a:l2+null->null@40']],
        [left0, []],
      ],
    },
    {
      kind: 'outer',
      steps: [
        [right1, ['a:null->null+r1@20']],
        [left1, ['a:null+r1->l1+r1@20']],
        [right0, ['a:l1+r1->l1+null@30']],
        [left0, ['a:l1+null->null@40']],
        [right0, []],
      ],
    },
  ]
  test.each(cases)('$kind join', ({ kind, steps }) => {
    const harness = withOldValues(kind)
    for (const [line, expected] of steps) expect(changes(harness, ...line)).toEqual(expected)
  })

  test('a materialized result passes on the old values of the join and keeps the new ones', () => {
    const harness = withOldValues('inner', { store: resultStore })
    changes(harness, ...left1)
    expect(changes(harness, ...right1)).toEqual(['a:null->l1+r1@20'])
    expect(changes(harness, ...left2)).toEqual(['a:l1+r1->l2+r1@20'])
    const store = harness.store<{ get(key: string): unknown }>('result-store')
    expect(store.get('a')).toEqual({ value: 'l2+r1', timestampMs: 20 })
    changes(harness, ...right0)
    expect(store.get('a')).toBe(undefined)
  })
})

test('out-of-order updates of a versioned table are left out (KIP-914)', () => {
  const harness = withOldValues('inner', { left: versionedStore('left-store') })
  changes(harness, ...right1)
  expect(changes(harness, 'left', 'a', 'l2', 100)).toEqual(['a:null->l2+r1@100'])
  expect(changes(harness, 'left', 'a', 'l1', 50)).toEqual([])
  expect(harness.dropped).toEqual([
    'Skipping out-of-order record from versioned table while performing table-table join.',
  ])
})

describe('the result, read on the fly', () => {
  type Entry = { readonly value: string; readonly timestampMs: number }
  const getterOf = (entry: Entry | undefined): TableValueGetter<string, string> => ({
    init: () => {},
    get: () => entry,
    isVersioned: true,
  })
  const read = (kind: JoinKind, left: Entry | undefined, right: Entry | undefined) => {
    const joiner = (leftValue: string | null, rightValue: string | null) => `${leftValue}+${rightValue}`
    const { view } = tableTableJoin<string, string, string, string>({
      ...({ kind, joiner } as AnyJoiner<string, string, string, string>),
      left: { get: () => getterOf(left), storeNames: ['a', 'b'] },
      right: { get: () => getterOf(right), storeNames: ['b', 'c'] },
      leftVersioned: false,
      rightVersioned: false,
      sendOldValues: false,
    })
    expect(view.storeNames).toEqual(['a', 'b', 'c'])
    const getter = view.get()
    expect(getter.isVersioned).toBe(false)
    return getter.get('key')
  }
  const left = { value: 'l', timestampMs: 5 }
  const right = { value: 'r', timestampMs: 9 }

  test.each<[JoinKind, Entry | undefined, Entry | undefined, Entry | undefined]>([
    ['inner', left, right, { value: 'l+r', timestampMs: 9 }],
    ['inner', left, undefined, undefined],
    ['inner', undefined, right, undefined],
    ['left', left, right, { value: 'l+r', timestampMs: 9 }],
    ['left', left, undefined, { value: 'l+null', timestampMs: 5 }],
    ['left', undefined, right, undefined],
    ['outer', left, undefined, { value: 'l+null', timestampMs: 5 }],
    ['outer', undefined, right, { value: 'null+r', timestampMs: 9 }],
    ['outer', undefined, undefined, undefined],
  ])('%s join of %o and %o', (kind, leftEntry, rightEntry, expected) => {
    expect(read(kind, leftEntry, rightEntry)).toEqual(expected)
  })
})

test('a null key is dropped', () => {
  const { leftJoin } = tableTableJoin<string, string, string, string>({
    kind: 'inner',
    joiner: (left, right) => left + right,
    left: { get: () => ({ init: () => {}, get: () => undefined, isVersioned: false }), storeNames: [] },
    right: { get: () => ({ init: () => {}, get: () => undefined, isVersioned: false }), storeNames: [] },
    leftVersioned: false,
    rightVersioned: false,
    sendOldValues: false,
  })
  const dropped: string[] = []
  const processor: Processor<string, Change<string>, string, Change<string>> = leftJoin.get()
  const context = { droppedRecord: (reason: string) => dropped.push(reason) }
  processor.init?.(context as unknown as InternalProcessorContext<string, Change<string>>)
  const value: Change<string> = { newValue: 'v', oldValue: null, isLatest: true }
  processor.process({ key: null, value, timestampMs: 1, headers: [] } as unknown as StreamRecord<
    string,
    Change<string>
  >)
  expect(dropped).toEqual(['Skipping record due to null key.'])
})
