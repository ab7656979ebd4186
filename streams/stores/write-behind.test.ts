import { expect, test } from 'vitest'
import { createMemoryDatabase, createMemoryEngine } from '#state-stores'
import { utf8Encode } from '../base/index.ts'
import type { StateDatabase, StateEngine, WriteBatch } from '../ports/index.ts'
import { stateEngineContract } from '../ports/state-engine.contract.ts'
import { WriteBehindDatabase } from './write-behind.ts'

/** An engine whose databases write through with each n-th batch (0: never) and when they are closed. */
function behind(engine: StateEngine, throughEach: number): StateEngine {
  return {
    ...engine,
    open: async (name, keyspaces) => {
      const database = new WriteBehindDatabase(await engine.open(name, keyspaces))
      let isClosed = false
      let written = 0
      return {
        keyspace: (keyspace) => database.keyspace(keyspace),
        // This database keeps what it is given; others copy it, and their contract says so.
        batch: (): WriteBatch => {
          const batch = database.batch()
          return {
            put: (keyspace, key, value) => batch.put(keyspace, key.slice(), value.slice()),
            delete: (keyspace, key) => batch.delete(keyspace, key.slice()),
            deleteRange: (keyspace, from, to) => batch.deleteRange(keyspace, from, to),
            write: () => (throughEach > 0 && ++written % throughEach === 0 ? batch.writeThrough() : batch.write()),
          }
        },
        get iteratorsOpen() {
          return database.iteratorsOpen
        },
        stats: () => database.stats(),
        close: async () => {
          if (!isClosed && database.iteratorsOpen === 0) database.batch().writeThrough()
          await database.close()
          isClosed = true
        },
      } satisfies StateDatabase
    },
  }
}

for (const throughEach of [0, 1, 3]) {
  stateEngineContract(`memory behind waiting writes, through with each ${throughEach}th batch,`, async () => ({
    engine: behind(createMemoryEngine(), throughEach),
    cleanUp: async () => {},
  }))
}

const bytes = (text: string) => utf8Encode(text)

test('what waits reaches the engine with the next batch that is written through, each key once, or not at all', () => {
  const inner = createMemoryDatabase('0_0', ['a', 'b'])
  const database = new WriteBehindDatabase(inner)
  const put = (keyspace: string, key: string, value: string, isThrough = false) => {
    const batch = database.batch()
    batch.put(database.keyspace(keyspace), bytes(key), bytes(value))
    if (isThrough) batch.writeThrough()
    else batch.write()
  }
  const dump = () =>
    ['a', 'b'].map((name) => {
      const found: string[] = []
      const iterator = inner.keyspace(name).iterate({})
      while (iterator.next()) found.push(`${new TextDecoder().decode(iterator.value)}`)
      iterator.close()
      return found.join()
    })
  put('a', 'k', '1')
  put('b', 'k', '2')
  put('a', 'k', '3')
  expect(dump()).toEqual(['', ''])
  expect(database.pendingBytes).toBeGreaterThan(0)
  put('a', 'l', '4', true)
  expect(dump()).toEqual(['3,4', '2'])
  expect(database.pendingBytes).toBe(0)
})

test('a batch that deletes a range goes through, and all that waits goes before it', () => {
  const inner = createMemoryDatabase('0_0', ['a'])
  const database = new WriteBehindDatabase(inner)
  const keyspace = database.keyspace('a')
  const first = database.batch()
  for (const key of ['a', 'b', 'c']) first.put(keyspace, bytes(key), bytes(key))
  first.write()
  const second = database.batch()
  second.put(keyspace, bytes('bb'), bytes('new'))
  second.deleteRange(keyspace, bytes('b'), bytes('c'))
  expect(second.mustWriteThrough).toBe(true)
  second.write()
  expect(database.pendingBytes).toBe(0)
  expect(['a', 'b', 'bb', 'c'].map((key) => inner.keyspace('a').get(bytes(key)) !== undefined)).toEqual([
    true,
    false,
    false,
    true,
  ])
})

test('a batch that the engine refuses changes nothing: what waits still waits, and is read', () => {
  const inner = createMemoryDatabase('0_0', ['a'])
  let isFull = true
  const full: StateDatabase = {
    keyspace: (name) => inner.keyspace(name),
    batch: () => {
      const batch = inner.batch()
      return {
        put: (keyspace, key, value) => batch.put(keyspace, key, value),
        delete: (keyspace, key) => batch.delete(keyspace, key),
        deleteRange: (keyspace, from, to) => batch.deleteRange(keyspace, from, to),
        write: () => {
          if (isFull) throw new Error('the disk is full')
          batch.write()
        },
      }
    },
    iteratorsOpen: 0,
    stats: () => inner.stats(),
    close: () => inner.close(),
  }
  const database = new WriteBehindDatabase(full)
  const keyspace = database.keyspace('a')
  const waiting = database.batch()
  waiting.put(keyspace, bytes('a'), bytes('1'))
  waiting.write()
  const refused = database.batch()
  refused.put(keyspace, bytes('b'), bytes('2'))
  expect(() => refused.writeThrough()).toThrow('full')
  expect([keyspace.get(bytes('a')), keyspace.get(bytes('b'))]).toEqual([bytes('1'), undefined])
  isFull = false
  refused.writeThrough()
  expect(['a', 'b'].map((key) => inner.keyspace('a').get(bytes(key)))).toEqual([bytes('1'), bytes('2')])
})
