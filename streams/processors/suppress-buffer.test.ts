import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Bytes, createPrng, hexOf, utf8Decode, utf8Encode, writeInt32, writeInt64 } from '../base/index.ts'
import { type Headers, type LogRecord, NO_HEADERS } from '../ports/index.ts'
import { serdes } from '../serdes/index.ts'
import type { RecordContext } from '../stores/index.ts'
import { change } from '../topology/record.ts'
import { type SuppressBuffer, suppressBufferStore } from './suppress-buffer.ts'
import { openStore } from './testing/open-store.ts'

const { string } = serdes
type Buffer = SuppressBuffer<string, string>

function open(persistence: 'memory' | 'persistent' = 'memory') {
  const context: RecordContext = { topic: 'in', partition: 0, offset: -1, timestampMs: 0, headers: NO_HEADERS }
  const spec = suppressBufferStore({ name: 'b', keySerde: string, valueSerde: string, persistence, logging: {} })
  let opened = openStore(spec, context)
  return {
    context,
    changelog: opened.changelog,
    get buffer() {
      return opened.store as Buffer
    },
    put(timeMs: number, key: string, newValue: string | null, oldValue: string | null, headers: Headers = NO_HEADERS) {
      context.offset++
      const record = { key, value: change(newValue, oldValue), timestampMs: timeMs, headers }
      ;(opened.store as Buffer).put(timeMs, record)
    },
    commit: () => opened.commit(),
    crash() {
      opened = opened.crash() as typeof opened
    },
    restore(records: readonly LogRecord[]) {
      opened.store.restoreBatch(records, { put() {}, delete() {}, deleteRange() {}, write() {} })
    },
  }
}

function drain(buffer: Buffer): string[] {
  const found: string[] = []
  while (buffer.recordsBuffered > 0) {
    const timeMs = buffer.minTimestampMs
    buffer.evictFirst((key, latest, old) => void found.push(`${timeMs} ${key} ${old}>${latest}`))
  }
  return found
}

const golden = readFileSync(new URL('testdata/golden-suppress.tsv', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.split('\t') as [input: string, key: string, value: string, headers: string])

/** The inputs of testdata/GoldenSuppress.java, with the old value that the table sends. */
const goldenInputs = [
  ['a', 'one', null, 1_000, false],
  ['a', 'two', 'one', 1_500, true],
  ['b', 'x', null, 2_000, false],
  ['a', null, 'two', 2_500, false],
  ['b', 'x', 'x', 3_000, true],
  ['c', 'ü', null, 9_000, false],
  ['a', 'three', null, 9_500, true],
  ['c', 'last', 'ü', 20_000, false],
] as const

describe('the changelog of a suppression', () => {
  it('is what Java writes', () => {
    const { put, commit, changelog, buffer } = open()
    goldenInputs.forEach(([key, newValue, oldValue, timeMs, hasHeaders], i) => {
      const headers = [
        { key: 'h', value: Uint8Array.of(i, 0xff) },
        { key: 'n', value: null },
      ]
      put(timeMs, key, newValue, oldValue, hasHeaders ? headers : NO_HEADERS)
      while (buffer.minTimestampMs <= timeMs - 5_000) buffer.evictFirst(() => {})
      const before = changelog.length
      commit()
      const written = changelog.slice(before).map((record) => {
        const headers = record.headers.map((header) => `${header.key}=${hexOf(header.value as Bytes)}`)
        const value = record.value === null ? 'null' : hexOf(record.value, 1_000)
        return [String(i), utf8Decode(record.key as Bytes), value, headers.join(',')]
      })
      // Within one commit Java writes in the order of a hash set.
      expect(written.sort()).toEqual(golden.filter(([input]) => Number(input) === i).sort())
    })
  })

  it('is read back as it was written', () => {
    const written = open()
    written.put(1_000, 'b', 'one', null)
    written.put(1_500, 'b', 'two', 'one', [{ key: 'h', value: utf8Encode('x') }])
    written.put(1_000, 'a', 'gone', 'there')
    written.put(900, 'c', null, 'there')
    written.commit()
    const read = open()
    read.restore(written.changelog)
    expect(read.buffer.priorValue('b')).toEqual({ value: null })
    expect(read.buffer.priorValue('a')).toEqual({ value: 'there' })
    expect(drain(read.buffer)).toEqual(['900 c there>null', '1000 a there>gone', '1000 b one>two'])
  })

  it('is read in the versions of Kafka Streams 2.1 to 2.3', () => {
    const context = [long(7_000), long(42), sized('in'), int(3), int(0)]
    const legacyChange = [sized('old'), sized('new')]
    const byVersion: readonly (readonly [version: number | undefined, value: Bytes])[] = [
      [undefined, join(long(5_000), ...legacyChange)],
      [1, join(long(5_000), ...context, sized(join(...legacyChange)))],
      [2, join(...context, sized(join(...legacyChange)), sized('prior'), long(5_000))],
      // 2.4.0, 2.4.1 and 2.5.0 said 2 but wrote 3.
      [2, join(...context, sized('prior'), sized('old'), sized('new'), long(5_000))],
      [3, join(...context, sized('prior'), int(-2), sized('new'), long(5_000))],
    ]
    const priors = ['old', 'old', 'prior', 'prior', 'prior']
    const olds = ['old', 'old', 'old', 'old', 'prior']
    byVersion.forEach(([version, value], i) => {
      const { restore, buffer } = open()
      restore([logRecord('k', value, version)])
      expect(buffer.priorValue('k')).toEqual({ value: priors[i] })
      expect(drain(buffer)).toEqual([`5000 k ${olds[i]}>new`])
    })
  })

  it('that cannot be read is said to be corrupted, with its place', () => {
    const { restore } = open()
    expect(() => restore([logRecord('k', utf8Encode('?'), 3)])).toThrow(/offset 77 .* test-b-changelog .* do not fit/)
    expect(() => restore([logRecord('k', utf8Encode('?'), 4)])).toThrow(/version is unknown/)
  })

  it('puts a key that was sent and buffered again at its new time', () => {
    const opened = open()
    opened.put(1_000, 'a', 'one', null)
    opened.commit()
    opened.buffer.evictFirst(() => {})
    opened.put(9_000, 'a', 'two', 'one')
    opened.commit()
    opened.crash()
    expect(drain(opened.buffer)).toEqual(['9000 a one>two'])
  })
})

function logRecord(key: string, value: Bytes, version: number | undefined): LogRecord {
  const headers = version === undefined ? [] : [{ key: 'v', value: Uint8Array.of(version) }]
  return { offset: 77, timestampMs: 7_000, key: utf8Encode(key), value, headers }
}
function long(value: number): Bytes {
  const bytes = new Uint8Array(8)
  writeInt64(bytes, 0, value)
  return bytes
}
function int(value: number): Bytes {
  const bytes = new Uint8Array(4)
  writeInt32(bytes, 0, value)
  return bytes
}
function sized(part: string | Bytes): Bytes {
  const bytes = typeof part === 'string' ? utf8Encode(part) : part
  return join(int(bytes.length), bytes)
}
function join(...parts: readonly Bytes[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

describe('the buffer of a suppression', () => {
  it('sends in the order of time, then of key bytes, and an update keeps its place', () => {
    const { put, buffer } = open()
    put(20, 'b', 'b1', null)
    put(20, 'a', 'a1', null)
    put(10, 'ü', 'u1', null)
    put(10, 'z', 'z1', null)
    put(30, 'z', 'z2', 'z1')
    expect(drain(buffer)).toEqual(['10 z z1>z2', '10 ü null>u1', '20 a null>a1', '20 b null>b1'])
    expect(buffer.minTimestampMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('counts bytes as Java does, also of what was there before it was asked to', () => {
    const { put, buffer } = open()
    put(10, 'key', 'value', null)
    expect(buffer.bytesBuffered).toBe(0)
    buffer.measureBytes()
    // time 8, key 3, value 5, context: time 8, offset 8, topic 2, partition 4
    expect(buffer.bytesBuffered).toBe(38)
    put(20, 'key', 'longer', 'value', [{ key: 'h', value: utf8Encode('xy') }])
    expect(buffer.bytesBuffered).toBe(38 + 1 + 5 + 3)
    drain(buffer)
    expect(buffer.bytesBuffered).toBe(0)
  })

  it('shows the buffered record as the one in process while it is sent, and the prior value to readers', () => {
    const { put, context, buffer } = open()
    put(10, 'k', 'new', 'old')
    Object.assign(context, { topic: 'other', offset: 9, timestampMs: 99 })
    buffer.evictFirst(() => {
      expect(context).toMatchObject({ topic: 'in', offset: 0, timestampMs: 10 })
      expect(buffer.priorValue('k')).toEqual({ value: 'old' })
    })
    expect(context).toMatchObject({ topic: 'other', offset: 9, timestampMs: 99 })
    expect(buffer.priorValue('k')).toBeUndefined()
  })

  it.each(['memory', 'persistent'] as const)(
    'behaves as a list does, through commits, aborts and crashes: %s',
    (kind) => {
      for (let seed = 1; seed <= 20; seed++) checkAgainstModel(kind, seed)
    },
  )
})

type ModelEntry = { readonly timeMs: number; readonly old: string | null; readonly latest: string }

function checkAgainstModel(persistence: 'memory' | 'persistent', seed: number): void {
  const prng = createPrng(seed)
  const opened = open(persistence)
  let model = new Map<string, ModelEntry>()
  let committed = new Map(model)
  const sorted = () => [...model].sort(([a, left], [b, right]) => left.timeMs - right.timeMs || (a < b ? -1 : 1))
  const textOf = ([key, { timeMs, old, latest }]: [string, ModelEntry]) => `${timeMs} ${key} ${old}>${latest}`
  for (let step = 0; step < 300; step++) {
    const action = prng.below(20)
    if (action < 11) {
      const key = String.fromCharCode(97 + prng.below(12))
      const timeMs = prng.below(50)
      const before = model.get(key)
      const entry = { timeMs: before?.timeMs ?? timeMs, old: before?.latest ?? null, latest: `v${step}` }
      opened.put(timeMs, key, entry.latest, entry.old)
      model.set(key, entry)
    } else if (action < 17 && model.size > 0) {
      const [first] = sorted() as [[string, ModelEntry]]
      const timeMs = opened.buffer.minTimestampMs
      opened.buffer.evictFirst((key, latest, old) =>
        expect(`${timeMs} ${key} ${old}>${latest}`, `seed ${seed}`).toBe(textOf(first)),
      )
      model.delete(first[0])
    } else if (action < 19) {
      opened.commit()
      committed = new Map(model)
    } else {
      if (prng.below(2) === 0) opened.buffer.aborted()
      else opened.crash()
      model = new Map(committed)
    }
    expect(opened.buffer.recordsBuffered).toBe(model.size)
  }
  expect(drain(opened.buffer), `seed ${seed}`).toEqual(sorted().map(textOf))
}
