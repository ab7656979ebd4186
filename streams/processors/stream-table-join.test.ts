import { describe, expect, test } from 'vitest'
import { serdes } from '../serdes/index.ts'
import { timestampedKeyValueStore } from '../stores/index.ts'
import { createHarness, type Harness } from './testing/harness.ts'
import { streamGlobalNodes, streamTableNodes, versionedStore } from './testing/join-topologies.ts'
import { openStore } from './testing/open-store.ts'

const tableStore = timestampedKeyValueStore({ name: 'table-store', key: serdes.string, value: serdes.string })

type Line = readonly [topic: string, key: string | null, value: string | null, timestampMs: number]

function feed(harness: Harness, ...[topic, key, value, timestampMs]: Line): string[] {
  const outputs = harness.pipe(topic, { key, value, timestampMs }).filter(({ node }) => node === 'out')
  return outputs.map((output) => `${output.key}:${output.value}@${output.timestampMs}`)
}

type NullCase = {
  readonly kind: 'inner' | 'left'
  readonly line: Line
  readonly output: readonly string[]
  readonly dropped: number
}

describe('null keys and values of the stream', () => {
  test.each<NullCase>([
    { kind: 'inner', line: ['in', null, 'v', 1], output: [], dropped: 1 },
    { kind: 'inner', line: ['in', 'a', null, 1], output: [], dropped: 1 },
    { kind: 'inner', line: ['in', 'a', 'v', 1], output: [], dropped: 0 },
    { kind: 'left', line: ['in', null, 'v', 1], output: ['null:v+null@1'], dropped: 0 },
    { kind: 'left', line: ['in', 'a', null, 1], output: [], dropped: 1 },
    { kind: 'left', line: ['in', 'a', 'v', 1], output: ['a:v+null@1'], dropped: 0 },
  ])('$kind join with a table, $line', ({ kind, line, output, dropped }) => {
    const harness = createHarness({ nodes: streamTableNodes(kind, tableStore), openStore })
    expect(feed(harness, ...line)).toEqual(output)
    expect(harness.dropped).toEqual(Array(dropped).fill('Skipping record due to null join key or value.'))
  })

  test.each<NullCase>([
    { kind: 'inner', line: ['in', 'a', 'no prefix', 1], output: [], dropped: 1 },
    { kind: 'inner', line: ['in', null, 'g:v', 1], output: ['null:g:v+G@1'], dropped: 0 },
    { kind: 'left', line: ['in', 'a', 'no prefix', 1], output: ['a:no prefix+null@1'], dropped: 0 },
    { kind: 'left', line: ['in', null, 'g:v', 1], output: ['null:g:v+G@1'], dropped: 0 },
    { kind: 'left', line: ['in', 'a', null, 1], output: [], dropped: 1 },
  ])('$kind join with a global table, $line', ({ kind, line, output, dropped }) => {
    const harness = createHarness({ nodes: streamGlobalNodes(kind), openStore })
    feed(harness, 'global', 'g', 'G', 0)
    expect(feed(harness, ...line)).toEqual(output)
    expect(harness.dropped.length).toBe(dropped)
  })
})

test('the time and the headers are those of the stream record, however late the table record was', () => {
  const harness = createHarness({ nodes: streamTableNodes('inner', tableStore), openStore })
  feed(harness, 'table', 'a', 't', 500)
  const headers = [{ key: 'h', value: null }]
  const [output] = harness.pipe('in', { key: 'a', value: 'v', timestampMs: 100, headers })
  expect(output).toEqual({ key: 'a', value: 'v+t', timestampMs: 100, headers, node: 'out' })
})

describe('grace period (KIP-923)', () => {
  const grace = (kind: 'inner' | 'left' = 'left'): Harness =>
    createHarness({ nodes: streamTableNodes(kind, versionedStore('table-store'), 100), openStore })

  test('records wait, then join in the order of time as of their time', () => {
    const harness = grace()
    feed(harness, 'table', 'a', 't1', 1000)
    expect(feed(harness, 'in', 'a', 'v1', 1050)).toEqual([])
    expect(feed(harness, 'in', 'a', 'v0', 1010)).toEqual([])
    feed(harness, 'table', 'a', 't2', 1040)
    expect(feed(harness, 'in', 'b', 'v2', 1150)).toEqual(['a:v0+t1@1010', 'a:v1+t2@1050'])
  })

  test('what is later than the grace joins at once', () => {
    const harness = grace()
    feed(harness, 'table', 'a', 't1', 1000)
    feed(harness, 'in', 'b', 'v', 2000)
    expect(feed(harness, 'in', 'a', 'late', 1899)).toEqual(['a:late+t1@1899'])
    expect(feed(harness, 'in', 'a', 'in time', 1900)).toEqual(['a:in time+t1@1900'])
    expect(feed(harness, 'in', 'a', 'waits', 1901)).toEqual([])
  })

  test('a null key does not wait: it finds nothing', () => {
    expect(feed(grace('left'), 'in', null, 'v', 1)).toEqual(['null:v+null@1'])
    const inner = grace('inner')
    expect(feed(inner, 'in', null, 'v', 1)).toEqual([])
    expect(inner.dropped.length).toBe(1)
  })

  test('records of one key and time keep their order, across a restart too', () => {
    const harness = grace()
    feed(harness, 'in', 'a', 'v1', 1000)
    feed(harness, 'in', 'a', 'v2', 1000)
    harness.commit()
    harness.crash()
    feed(harness, 'in', 'a', 'v3', 1000)
    expect(feed(harness, 'in', 'z', 'v', 2000)).toEqual(['a:v1+null@1000', 'a:v2+null@1000', 'a:v3+null@1000'])
  })

  test('after a restart a late record does not wait again', () => {
    const harness = grace()
    feed(harness, 'in', 'a', 'v1', 1000)
    feed(harness, 'in', 'z', 'v', 2000)
    harness.commit()
    harness.crash()
    expect(feed(harness, 'in', 'a', 'late', 1000)).toEqual(['a:late+null@1000'])
  })

  test('a buffered record comes back with its headers and its place in the input', () => {
    const [source, join] = streamTableNodes('left', versionedStore('table-store'), 100)
    if (source === undefined || join === undefined) throw new Error('there are two nodes')
    const seen: unknown[] = []
    const probe = {
      get: () => {
        let metadata: () => unknown = () => undefined
        return {
          init: (context: { recordMetadata(): unknown }) => {
            metadata = () => context.recordMetadata()
          },
          process: () => void seen.push(metadata()),
        }
      },
    }
    const nodes = [source, join, { name: 'probe', parents: ['out'], supplier: probe }]
    const harness = createHarness({ nodes, openStore })
    harness.pipe('in', { key: 'a', value: 'v1', timestampMs: 1000 })
    harness.pipe('in', { key: 'z', value: 'v2', timestampMs: 2000 })
    expect(seen).toEqual([{ topic: 'in', partition: 0, offset: 0 }])
  })

  test('a table that is not versioned is refused', () => {
    const nodes = streamTableNodes('left', tableStore, 100)
    expect(() => createHarness({ nodes, openStore })).toThrow(/not versioned/)
  })
})
