import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Bytes, compareBytes, hexOf, utf8Encode } from '../base/index.ts'
import type { EngineIterator, KeyRange, Keyspace, StateDatabase, StateEngine, WriteBatch } from './state-engine.ts'
import { stateEngineModelTest } from './state-engine-model.contract.ts'

/** What a suite needs of an engine: a new one over nothing, and its end. */
export type StateEngineHarness = {
  readonly engine: StateEngine
  /** Removes what the engine left behind; everything is closed by then. */
  cleanUp(): Promise<void>
}

export type CreateHarness = () => Promise<StateEngineHarness>

/** Every state engine passes this. */
export function stateEngineContract(name: string, createHarness: CreateHarness): void {
  describe(`${name} as state engine`, () => {
    let harness: StateEngineHarness
    let engine: StateEngine
    let database: StateDatabase
    let left: Keyspace
    let right: Keyspace

    beforeEach(async () => {
      harness = await createHarness()
      engine = harness.engine
      await open()
    })

    afterEach(async () => {
      await database.close()
      await engine.close()
      await harness.cleanUp()
    })

    async function open(): Promise<void> {
      database = await engine.open('0_0', ['left', 'right'])
      left = database.keyspace('left')
      right = database.keyspace('right')
    }

    async function reopen(): Promise<void> {
      await database.close()
      await open()
    }

    function write(fill: (batch: WriteBatch) => void): void {
      const batch = database.batch()
      fill(batch)
      batch.write()
    }

    function putAll(keyspace: Keyspace, ...keys: readonly string[]): void {
      write((batch) => {
        for (const key of keys) batch.put(keyspace, text(key), text(`${key}=`))
      })
    }

    describe('reads and writes', () => {
      test('a key that was never put is undefined', () => {
        expect(left.get(text('a'))).toBeUndefined()
      })

      test('a put value is read back, and only from its keyspace', () => {
        putAll(left, 'a')
        expect(textOf(left.get(text('a')))).toBe('a=')
        expect(right.get(text('a'))).toBeUndefined()
      })

      test('nothing of a batch is visible before it is written', () => {
        const batch = database.batch()
        batch.put(left, text('a'), text('1'))
        expect(left.get(text('a'))).toBeUndefined()
        batch.write()
        expect(textOf(left.get(text('a')))).toBe('1')
      })

      test('a batch can be filled again after it was written, and starts empty', () => {
        const batch = database.batch()
        batch.put(left, text('a'), text('1'))
        batch.write()
        write((other) => other.delete(left, text('a')))
        batch.put(left, text('b'), text('2'))
        batch.write()
        expect(left.get(text('a'))).toBeUndefined()
        expect(textOf(left.get(text('b')))).toBe('2')
      })

      test('the last write to a key within a batch wins', () => {
        write((batch) => {
          batch.put(left, text('a'), text('1'))
          batch.put(left, text('a'), text('2'))
          batch.put(left, text('b'), text('1'))
          batch.delete(left, text('b'))
          batch.delete(left, text('c'))
          batch.put(left, text('c'), text('3'))
        })
        expect(dump(left)).toEqual(['a=2', 'c=3'])
      })

      test('getMany answers in the order of the keys', () => {
        putAll(left, 'a', 'b')
        const values = left.getMany(['b', 'x', 'a', 'b'].map(text))
        expect(values.map(textOf)).toEqual(['b=', undefined, 'a=', 'b='])
        expect(left.getMany([])).toEqual([])
      })

      test('an empty value is a value', () => {
        write((batch) => batch.put(left, text('a'), new Uint8Array(0)))
        expect(left.get(text('a'))?.length).toBe(0)
      })

      test('a value of 3 MiB is read back whole', () => {
        const value = new Uint8Array(3 * 1024 * 1024).map((_, i) => i * 31)
        write((batch) => batch.put(left, text('a'), value))
        const read = left.get(text('a')) as Bytes
        expect(compareBytes(read, value)).toBe(0)
      })

      test('the buffers of the caller are its own again after the write', () => {
        const key = text('a')
        const value = text('1')
        write((batch) => batch.put(left, key, value))
        key[0] = 0xff
        value[0] = 0xff
        expect(dump(left)).toEqual(['a=1'])
      })

      test('keys and values may be views into larger buffers', () => {
        const whole = text('xxkeyvaluexx')
        write((batch) => batch.put(left, whole.subarray(2, 5), whole.subarray(5, 10)))
        expect(textOf(left.get(whole.subarray(2, 5)))).toBe('value')
        expect(dump(left)).toEqual(['key=value'])
        expect(dump(left, { from: whole.subarray(2, 5) })).toEqual(['key=value'])
      })

      test('bytes that were read do not change with later reads and writes', () => {
        putAll(left, 'a', 'b')
        const first = left.get(text('a')) as Bytes
        left.get(text('b'))
        write((batch) => batch.put(left, text('a'), text('new')))
        left.get(text('a'))
        expect(textOf(first)).toBe('a=')
      })
    })

    describe('ranges', () => {
      const CASES: readonly { name: string; range: KeyRange; keys: string }[] = [
        { name: 'everything', range: {}, keys: 'a b ba c' },
        { name: 'from is inclusive', range: { from: text('b') }, keys: 'b ba c' },
        { name: 'to is exclusive', range: { to: text('c') }, keys: 'a b ba' },
        { name: 'between keys', range: { from: text('aa'), to: text('bb') }, keys: 'b ba' },
        { name: 'nothing between equal bounds', range: { from: text('b'), to: text('b') }, keys: '' },
        { name: 'nothing if from is after to', range: { from: text('c'), to: text('a') }, keys: '' },
        { name: 'nothing before an empty to', range: { to: new Uint8Array(0) }, keys: '' },
        { name: 'an empty from is the start', range: { from: new Uint8Array(0), to: text('b') }, keys: 'a' },
        { name: 'past the last key', range: { from: text('d') }, keys: '' },
      ]
      test.each(CASES)('$name, in both directions', ({ range, keys }) => {
        putAll(left, 'c', 'a', 'ba', 'b')
        const expected = keys.split(' ').filter((key) => key !== '')
        expect(keysIn(left, range)).toEqual(expected)
        expect(keysIn(left, { ...range, reverse: true })).toEqual(expected.reverse())
      })

      test('the order is that of unsigned bytes, shorter first', () => {
        const keys = [[0], [0, 0], [0, 1], [1], [127], [128], [128, 0], [255], [255, 255]].map((k) =>
          Uint8Array.from(k),
        )
        write((batch) => {
          for (const key of keys.toReversed()) batch.put(left, key, key)
        })
        expect(collect(left.iterate({})).map(([key]) => hexOf(key))).toEqual(keys.map((key) => hexOf(key)))
      })

      test('a thousand keys, in both directions', () => {
        const keys = Array.from({ length: 1000 }, (_, i) => `k${String(i).padStart(4, '0')}`)
        putAll(left, ...keys)
        expect(keysIn(left, {})).toEqual(keys)
        expect(keysIn(left, { from: text('k0100'), to: text('k0900'), reverse: true })).toEqual(
          keys.slice(100, 900).reverse(),
        )
      })

      test('an iterator shows what was there when it was opened, whatever is written meanwhile', () => {
        const keys = Array.from({ length: 700 }, (_, i) => `k${String(i).padStart(4, '0')}`)
        putAll(left, ...keys)
        const forwards = left.iterate({})
        const backwards = left.iterate({ reverse: true })
        expect(forwards.next()).toBe(true)
        write((batch) => {
          batch.deleteRange(left, text('k0001'), undefined)
          batch.put(left, text('k0000a'), text('new'))
        })
        putAll(left, 'z')
        expect(left.get(text('k0500'))).toBeUndefined()
        expect([textOf(forwards.key), ...collect(forwards).map(([key]) => textOf(key))]).toEqual(keys)
        expect(collect(backwards).map(([key]) => textOf(key))).toEqual(keys.toReversed())
        expect(keysIn(left, {})).toEqual(['k0000', 'k0000a', 'z'])
      })

      test('a snapshot outlives the turn of the event loop', async () => {
        putAll(left, 'a', 'b')
        const iterator = left.iterate({})
        expect(iterator.next()).toBe(true)
        for (let turn = 0; turn < 3; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          putAll(left, `a${turn}`, `c${turn}`)
          expect(left.get(text(`c${turn}`))).toBeDefined()
        }
        expect(collect(iterator).map(([key]) => textOf(key))).toEqual(['b'])
      })

      test('next stays false at the end, and an iterator can be closed early and twice', () => {
        putAll(left, 'a', 'b')
        const iterator = left.iterate({ to: text('b') })
        expect([iterator.next(), iterator.next(), iterator.next()]).toEqual([true, false, false])
        iterator.close()
        const early = left.iterate({})
        early.next()
        early.close()
        early.close()
        expect(database.iteratorsOpen).toBe(0)
        expect(() => early.next()).toThrow('closed')
      })
    })

    describe('deleteRange', () => {
      test('removes [from, to) of one keyspace, whether written before or in the same batch', () => {
        putAll(left, 'a', 'b', 'c', 'd')
        putAll(right, 'b')
        write((batch) => {
          batch.put(left, text('ca'), text('same batch'))
          batch.put(right, text('ca'), text('other keyspace'))
          batch.deleteRange(left, text('b'), text('d'))
          batch.put(left, text('cb'), text('after'))
        })
        expect(keysIn(left, {})).toEqual(['a', 'cb', 'd'])
        expect(keysIn(right, {})).toEqual(['b', 'ca'])
      })

      test('to undefined is the end', () => {
        putAll(left, 'a', 'b')
        write((batch) => {
          batch.put(left, Uint8Array.of(0xff, 0xff, 0xff), text('last'))
          batch.deleteRange(left, text('b'), undefined)
        })
        expect(keysIn(left, {})).toEqual(['a'])
      })

      test('happens with the rest of the batch, not before', () => {
        putAll(left, 'a')
        const batch = database.batch()
        batch.deleteRange(left, text('a'), undefined)
        expect(keysIn(left, {})).toEqual(['a'])
        batch.write()
        expect(keysIn(left, {})).toEqual([])
      })
    })

    describe('unusual keys', () => {
      const long = 'k'.repeat(5000)
      const KEYS: readonly { name: string; keys: readonly string[] }[] = [
        { name: 'the empty key', keys: ['', 'a', 'b'] },
        { name: 'a key of 300 KB', keys: ['a', `b${'x'.repeat(300_000)}`, 'c'] },
        { name: 'long keys with a common start', keys: ['k'.repeat(4999), long, `${long}a`, `${long}b`, 'l'] },
        ...[1975, 1976, 1977, 1978, 1979].map((length) => ({
          name: `keys around ${length} bytes`,
          keys: ['', '\0', 'a'].map((end) => 'm'.repeat(length) + end).concat(`${'m'.repeat(length - 1)}n`),
        })),
      ]
      test.each(KEYS)('$name: written, read, walked, deleted', async ({ keys }) => {
        putAll(left, ...keys.toReversed())
        await reopen()
        expect(left.getMany(keys.map(text)).map((value) => value !== undefined)).toEqual(keys.map(() => true))
        expect(keysIn(left, {}).map(short)).toEqual(keys.map(short))
        expect(keysIn(left, { reverse: true }).map(short)).toEqual(keys.toReversed().map(short))
        for (const [index, key] of keys.entries()) {
          expect(keysIn(left, { from: text(key) }).map(short)).toEqual(keys.slice(index).map(short))
          expect(keysIn(left, { to: text(key), reverse: true }).map(short)).toEqual(
            keys.slice(0, index).toReversed().map(short),
          )
        }
        write((batch) => batch.delete(left, text(keys[1] as string)))
        expect(keysIn(left, {}).map(short)).toEqual(keys.filter((_, index) => index !== 1).map(short))
        write((batch) => batch.deleteRange(left, text(keys[0] as string), text(keys.at(-1) as string)))
        expect(keysIn(left, {}).map(short)).toEqual([short(keys.at(-1) as string)])
      })
    })

    describe('databases', () => {
      test('closed and opened again, everything is there', async () => {
        putAll(left, 'a', 'b')
        putAll(right, 'c')
        write((batch) => batch.delete(left, text('a')))
        await reopen()
        expect([dump(left), dump(right)]).toEqual([['b=b='], ['c=c=']])
      })

      test('keyspaces come and go; those that are not named stay untouched', async () => {
        putAll(left, 'a')
        putAll(right, 'b')
        await database.close()
        const some = await engine.open('0_0', ['left', 'new, and named: "oddly"'])
        const added = some.keyspace('new, and named: "oddly"')
        const batch = some.batch()
        batch.put(added, text('x'), text('1'))
        batch.write()
        expect(textOf(some.keyspace('left').get(text('a')))).toBe('a=')
        await some.close()
        await open()
        expect(keysIn(right, {})).toEqual(['b'])
      })

      test('a keyspace that was not named is a mistake of the caller', () => {
        expect(() => database.keyspace('middle')).toThrow('middle')
      })

      test('a second opening is refused and names the database', async () => {
        await expect(engine.open('0_0', ['left'])).rejects.toMatchObject({
          code: 'DIRECTORY_LOCKED',
          message: expect.stringContaining('0_0'),
        })
        putAll(left, 'a')
        expect(keysIn(left, {})).toEqual(['a'])
      })

      test('several are open at a time, listed, and destroyed one by one', async () => {
        putAll(left, 'a')
        const other = await engine.open('1_0', ['left'])
        expect(other.keyspace('left').get(text('a'))).toBeUndefined()
        expect(await engine.list()).toEqual(['0_0', '1_0'])
        await expect(engine.destroy('1_0')).rejects.toThrow()
        await other.close()
        await engine.destroy('1_0')
        await engine.destroy('never-there')
        expect(await engine.list()).toEqual(['0_0'])
        expect(keysIn(left, {})).toEqual(['a'])
      })

      test('a destroyed database is empty when it is opened again', async () => {
        putAll(left, 'a')
        await database.close()
        await engine.destroy('0_0')
        await open()
        expect(keysIn(left, {})).toEqual([])
      })

      test('after close everything answers CLOSED, and closing again does nothing', async () => {
        const batch = database.batch()
        batch.put(left, text('a'), text('1'))
        await database.close()
        await database.close()
        const calls = [
          () => left.get(text('a')),
          () => left.getMany([text('a')]),
          () => left.iterate({}),
          () => batch.write(),
        ]
        for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'CLOSED' }))
      })

      test('open iterators are counted, and closing the database over one is an assertion error', async () => {
        putAll(left, 'a')
        const iterators = [left.iterate({}), right.iterate({ reverse: true }), left.iterate({ to: new Uint8Array(0) })]
        expect(database.iteratorsOpen).toBe(3)
        await expect(database.close()).rejects.toMatchObject({ name: 'AssertionError' })
        for (const iterator of iterators) iterator.close()
        expect(database.iteratorsOpen).toBe(0)
      })

      test('a keyspace of another database cannot be written through a batch', async () => {
        const other = await engine.open('1_0', ['left'])
        expect(() => database.batch().put(other.keyspace('left'), text('a'), text('1'))).toThrow('another database')
        await other.close()
      })

      test('counts and sizes are given', () => {
        putAll(left, ...Array.from({ length: 500 }, (_, i) => `key-${i}`))
        expect(left.approximateCount()).toBeGreaterThan(400)
        expect(left.approximateCount()).toBeLessThan(600)
        expect(right.approximateCount()).toBe(0)
        const { bytesOnDisk, bytesInMemory } = database.stats()
        expect(bytesOnDisk + bytesInMemory).toBeGreaterThan(500)
      })
    })

    stateEngineModelTest(() => engine)
  })
}

export function text(value: string): Bytes {
  return utf8Encode(value)
}

function textOf(bytes: Bytes | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** Moves to the end and closes. */
export function collect(iterator: EngineIterator): [Bytes, Bytes][] {
  const entries: [Bytes, Bytes][] = []
  while (iterator.next()) entries.push([iterator.key, iterator.value])
  iterator.close()
  return entries
}

function keysIn(keyspace: Keyspace, range: KeyRange): string[] {
  return collect(keyspace.iterate(range)).map(([key]) => textOf(key) as string)
}

function dump(keyspace: Keyspace, range: KeyRange = {}): string[] {
  return collect(keyspace.iterate(range)).map(([key, value]) => `${textOf(key)}=${textOf(value)}`)
}

/** Length and last byte: enough to tell the long keys apart in a message. */
function short(key: string): string {
  return key.length < 20 ? key : `${key[0]}…${key.length}…${key.charCodeAt(key.length - 1)}`
}
