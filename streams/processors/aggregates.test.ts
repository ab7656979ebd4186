import { describe, expect, it } from 'vitest'
import { createPrng, utf8Encode } from '../base/index.ts'
import { serdes } from '../serdes/index.ts'
import {
  type RecordContext,
  type StoreSpec,
  sessionStore,
  timestampedKeyValueStore,
  timestampedWindowStore,
} from '../stores/index.ts'
import type { Change } from '../topology/record.ts'
import { type EmitStrategy, ON_WINDOW_CLOSE, ON_WINDOW_UPDATE } from './emit-strategy.ts'
import { countAggregator, countInitializer, countMerger } from './functions.ts'
import { sessionAggregate } from './session-aggregate.ts'
import { slidingWindowAggregate } from './sliding-window-aggregate.ts'
import { streamAggregate, streamReduce } from './stream-aggregate.ts'
import { createHarness, type HarnessNode, type HarnessOutput } from './testing/harness.ts'
import { openStore } from './testing/open-store.ts'
import { windowAggregate } from './window-aggregate.ts'

const { string, int64 } = serdes
const COUNT = { initializer: countInitializer, aggregator: countAggregator }
const TUMBLING = { kind: 'time', sizeMs: 10, advanceMs: 10, graceMs: 5 } as const
const HOPPING = { kind: 'time', sizeMs: 10, advanceMs: 5, graceMs: 0 } as const

type Options = { readonly caching?: boolean; readonly sendOldValues?: boolean; readonly emit?: EmitStrategy }

const stores = {
  keyValue: (caching = false) => timestampedKeyValueStore({ name: 's', key: string, value: int64, caching }),
  window: (caching = false) =>
    timestampedWindowStore({ name: 's', key: string, value: int64, caching, windowSizeMs: 10, retentionMs: 100 }),
  session: (caching = false) => sessionStore({ name: 's', key: string, value: int64, caching, retentionMs: 100 }),
}
const operators = {
  count: ({ caching, sendOldValues = false }: Options) =>
    streamAggregate({ ...COUNT, store: stores.keyValue(caching), sendOldValues }),
  sum: ({ caching, sendOldValues = false }: Options) =>
    streamReduce({
      reducer: (sum: number, value: number) => sum + value,
      store: stores.keyValue(caching),
      sendOldValues,
    }),
  tumbling: ({ caching, sendOldValues = false, emit = ON_WINDOW_UPDATE }: Options) =>
    windowAggregate({ ...COUNT, windows: TUMBLING, store: stores.window(caching), emit, sendOldValues }),
  hopping: ({ caching, sendOldValues = false, emit = ON_WINDOW_UPDATE }: Options) =>
    windowAggregate({ ...COUNT, windows: HOPPING, store: stores.window(caching), emit, sendOldValues }),
  sliding: ({ caching, sendOldValues = false, emit = ON_WINDOW_UPDATE }: Options) =>
    slidingWindowAggregate({
      ...COUNT,
      windows: { kind: 'sliding', timeDifferenceMs: 10, graceMs: 5 },
      store: stores.window(caching),
      emit,
      sendOldValues,
    }),
  session: ({ caching, sendOldValues = false, emit = ON_WINDOW_UPDATE }: Options) =>
    sessionAggregate({
      ...COUNT,
      merger: countMerger,
      windows: { kind: 'session', inactivityGapMs: 10, graceMs: 5 },
      store: stores.session(caching),
      emit,
      sendOldValues,
    }),
} satisfies Record<string, (options: Options) => HarnessNode['supplier']>

/** `key[@start-end] old>new @time`. */
function textOf({ key, value, timestampMs }: HarnessOutput): string {
  const { newValue, oldValue } = value as Change<number>
  const place = key as string | { key: string; window: { startMs: number; endMs: number } }
  const keyText = typeof place === 'string' ? place : `${place.key}@${place.window.startMs}-${place.window.endMs}`
  return `${keyText} ${oldValue}>${newValue} @${timestampMs}`
}

function start(operator: keyof typeof operators, options: Options = {}) {
  const cacheBytes = options.caching === true ? 1_000_000 : 0
  const harness = createHarness({
    nodes: [{ name: 'node', parents: ['in'], supplier: operators[operator](options) as HarnessNode['supplier'] }],
    openStore: (spec: StoreSpec, context: RecordContext) => openStore(spec, context, cacheBytes),
  })
  const pipe = (timestampMs: number, key: string | null = 'k', value: number | null = 1): string[] =>
    harness.pipe('in', { key, value, timestampMs }).map(textOf)
  return { harness, pipe }
}

describe('aggregations', () => {
  it.each([
    ['count', ['k 0>1 @10', 'k 1>2 @20', 'k 2>3 @20']],
    ['sum', ['k null>1 @10', 'k 1>2 @20', 'k 2>3 @20']],
    ['tumbling', ['k@10-20 0>1 @10', 'k@20-30 0>1 @20', 'k@10-20 1>2 @15']],
    [
      'session',
      ['k@10-10 null>1 @10', 'k@10-10 1>null @10', 'k@10-20 null>2 @20', 'k@10-20 2>null @20', 'k@10-20 null>3 @20'],
    ],
  ] as const)('%s sends old values where somebody asks, and the largest time', (operator, expected) => {
    const { pipe } = start(operator, { sendOldValues: true })
    expect([...pipe(10), ...pipe(20), ...pipe(15)]).toEqual(expected)
  })

  it.each(['count', 'sum', 'tumbling', 'session'] as const)('%s sends no old values unasked', (operator) => {
    const { pipe } = start(operator)
    for (const text of [...pipe(10), ...pipe(20), ...pipe(15)]) expect(text).toContain('null>')
  })

  it.each([
    ['count', null, 1, 'Skipping record due to null key or value.'],
    ['sum', 'k', null, 'Skipping record due to null key or value.'],
    ['tumbling', null, 1, 'Skipping record due to null key.'],
    ['sliding', 'k', null, 'Skipping record due to null key or value.'],
    ['session', null, 1, 'Skipping record due to null key.'],
  ] as const)('%s drops nulls as Java does: %s %s', (operator, key, value, reason) => {
    const { pipe, harness } = start(operator)
    expect(pipe(10, key, value)).toEqual([])
    expect(harness.dropped).toEqual([reason])
  })

  it.each(['tumbling', 'session'] as const)('%s counts null values, as Java does', (operator) => {
    expect(start(operator).pipe(10, 'k', null)).toHaveLength(1)
  })

  it.each([
    ['tumbling', 25, 'timestamp=[9] window=[0,10) expiration=[20] streamTime=[25]'],
    ['sliding', 25, 'timestamp=[9] window=[9,19] expiration=[20] streamTime=[25]'],
    ['session', 26, 'timestamp=[9] window=[9,9] expiration=[11] streamTime=[26]'],
  ] as const)(
    '%s drops what is late over all keys, and still does after a restart',
    (operator, streamTimeMs, details) => {
      const { pipe, harness } = start(operator)
      pipe(streamTimeMs, 'other')
      expect(pipe(9)).toEqual([])
      harness.commit()
      harness.crash()
      expect(pipe(9)).toEqual([])
      const reason = `Skipping record for expired window. ${details}`
      expect(harness.dropped).toEqual([reason, reason])
    },
  )

  it('a late record still counts in those of its hopping windows that are open', () => {
    const { pipe, harness } = start('hopping')
    pipe(10)
    expect(pipe(9)).toEqual(['k@5-15 null>2 @10'])
    expect(harness.dropped).toHaveLength(1)
  })

  it('a removed aggregate starts anew', () => {
    const aggregator = (_key: string, value: number, sum: number) => (value === 0 ? null : sum + value)
    const supplier = streamAggregate({
      store: stores.keyValue(),
      initializer: () => 0,
      aggregator,
      sendOldValues: true,
    })
    const harness = createHarness({ nodes: [{ name: 'node', parents: ['in'], supplier }], openStore })
    const texts = [5, 0, 3].flatMap((value, i) =>
      harness.pipe('in', { key: 'k', value, timestampMs: 10 - i }).map(textOf),
    )
    expect(texts).toEqual(['k 0>5 @10', 'k 5>null @10', 'k 0>3 @8'])
  })

  it('custom windows are the ones the user gives', () => {
    const windowsFor = (timestampMs: number) => [{ startMs: timestampMs - 1, endMs: timestampMs + 1 }]
    const windows = { kind: 'custom', sizeMs: 2, graceMs: 0, windowsFor } as const
    const supplier = windowAggregate({
      ...COUNT,
      windows,
      store: stores.window(),
      emit: ON_WINDOW_UPDATE,
      sendOldValues: false,
    })
    const harness = createHarness({ nodes: [{ name: 'node', parents: ['in'], supplier }], openStore })
    expect(harness.pipe('in', { key: 'k', value: 1, timestampMs: 7 }).map(textOf)).toEqual(['k@6-8 null>1 @7'])
  })
})

describe('aggregations over a record cache', () => {
  it.each([
    ['count', ['k 1>3 @20']],
    ['sum', ['k 1>3 @20']],
    ['tumbling', ['k@10-20 1>2 @15', 'k@20-30 null>1 @20']],
    ['session', ['k@10-10 1>null @10', 'k@10-20 null>3 @20']],
  ] as const)('%s sends one change per key when the cache is flushed', (operator, expected) => {
    const { pipe, harness } = start(operator, { caching: true, sendOldValues: true })
    expect(pipe(10)).toEqual([])
    expect(harness.commit()).toHaveLength(1)
    expect([...pipe(20), ...pipe(15)]).toEqual([])
    expect(harness.commit().map(textOf).sort()).toEqual(expected)
    expect(harness.commit()).toEqual([])
  })

  it('sends the headers of the record that came last', () => {
    const { harness } = start('count', { caching: true })
    const headersOf = (text: string) => [{ key: 'h', value: utf8Encode(text) }]
    harness.pipe('in', { key: 'k', value: 1, timestampMs: 10, headers: headersOf('first') })
    harness.pipe('in', { key: 'k', value: 1, timestampMs: 10, headers: headersOf('last') })
    harness.pipe('in', { key: 'other', value: 1, timestampMs: 10, headers: headersOf('other') })
    expect(harness.commit()[0]?.headers).toEqual(headersOf('last'))
  })
})

describe('emit on window close', () => {
  it.each([
    ['tumbling', ['a@0-10 null>1 @1', 'k@0-10 null>2 @2', 'k@10-20 null>1 @12']],
    ['hopping', ['a@0-10 null>1 @1', 'k@0-10 null>2 @2', 'k@5-15 null>1 @12', 'k@10-20 null>1 @12']],
    ['session', ['a@1-1 null>1 @1', 'k@0-12 null>3 @12']],
  ] as const)('%s sends each window once, in the order of time and key', (operator, expected) => {
    const { pipe } = start(operator, { emit: { kind: 'on-window-close', intervalMs: 0 } })
    const texts = [...pipe(0), ...pipe(1, 'a'), ...pipe(2), ...pipe(12), ...pipe(40, 'z'), ...pipe(41, 'z')]
    expect(texts).toEqual(expected)
  })

  it('sends nothing twice after a restart', () => {
    const { pipe, harness } = start('tumbling', { emit: { kind: 'on-window-close', intervalMs: 0 } })
    pipe(0)
    expect(pipe(15)).toEqual(['k@0-10 null>1 @0'])
    harness.commit()
    harness.crash()
    expect(pipe(16)).toEqual([])
    expect(pipe(25)).toEqual(['k@10-20 null>2 @16'])
  })

  it('looks for closed windows once per interval of wall-clock time', () => {
    const { pipe, harness } = start('tumbling', { emit: { kind: 'on-window-close', intervalMs: 100 } })
    pipe(0)
    expect(pipe(30, 'other')).toEqual([])
    harness.advanceWallClock(100)
    expect(pipe(30, 'other')).toEqual(['k@0-10 null>1 @0'])
  })

  it.each(['tumbling', 'hopping', 'sliding', 'session'] as const)(
    '%s loses nothing where asked not to, however far and fast stream time moves',
    (operator) => {
      for (let seed = 1; seed <= 30; seed++) {
        const { final, updates } = runFastForward(operator, seed)
        expect(final.sort(), `seed ${seed}`).toEqual([...updates.values()].sort())
      }
    },
  )

  it('is for time windows, which end', () => {
    const windows = { kind: 'unlimited', startMs: 0 } as const
    const options = { ...COUNT, windows, store: stores.window(), emit: ON_WINDOW_CLOSE, sendOldValues: false }
    expect(() => windowAggregate(options)).toThrow('cannot be emitted on close')
  })
})

/** Late records, jumps, a last record far ahead; `updates`: what every closed window had last where each update is sent. */
function runFastForward(operator: 'tumbling' | 'hopping' | 'sliding' | 'session', seed: number) {
  const emit = { kind: 'on-window-close', intervalMs: seed % 2 === 0 ? 0 : 50, lossless: true } as const
  const { pipe, harness } = start(operator, { emit })
  const everyUpdate = start(operator)
  const prng = createPrng(seed)
  const updates = new Map<string, string>()
  const final: string[] = []
  let timeMs = 0
  for (let i = 0; i < 60; i++) {
    timeMs += prng.below(10) === 0 ? prng.below(400) : prng.below(12)
    const recordMs = Math.max(0, timeMs - prng.below(4))
    const key = String.fromCharCode(97 + prng.below(3))
    harness.advanceWallClock(prng.below(20))
    final.push(...pipe(recordMs, key))
    for (const text of everyUpdate.pipe(recordMs, key)) {
      const [place, result] = text.split(' null>') as [string, string]
      if (result.startsWith('null')) updates.delete(place)
      else updates.set(place, text)
    }
  }
  harness.advanceWallClock(100)
  final.push(...pipe(timeMs + 100_000))
  return { final, updates }
}
