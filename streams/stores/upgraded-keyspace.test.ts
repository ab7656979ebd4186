import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createLmdbEngine,
  createMemoryEngine,
  createRocksDbEngine,
  LMDB_DEFAULTS,
  ROCKSDB_DEFAULTS,
} from '#state-stores'
import { compareBytes } from '../base/index.ts'
import type { Keyspace, StateEngine } from '../ports/index.ts'
import { UpgradedKeyspace } from './upgraded-keyspace.ts'

const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 3 })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key, value: fc.nat(250) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete-range' as const), key, to: fc.option(key) }) },
)

/** What was in the old keyspace reads as if its values had a 0 before them; what is written since is as it was put. */
test.each([
  ['memory', 300],
  ['rocksdb', 12],
  ['lmdb', 12],
] as const)('a keyspace that is upgraded reads and writes as one: %s', async (name, numRuns) => {
  const directory = await mkdtemp(join(tmpdir(), 'mto upgrade-'))
  const engine = engineOf(name, directory)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(key, fc.nat(250))), fc.array(step), key, key, async (old, steps, from, to) => {
      const database = await engine.open('0_0', ['old', 'new'])
      const convert = (stored: Uint8Array): Uint8Array => Uint8Array.of(0, ...stored)
      const upgraded = new UpgradedKeyspace(database.keyspace('old'), database.keyspace('new'), convert)
      const model = new Map<string, readonly number[]>()
      const first = database.batch()
      for (const [bytes, value] of old) {
        first.put(database.keyspace('old'), bytes, Uint8Array.of(value))
        model.set(text(bytes), [0, value])
      }
      first.write()
      for (const each of steps) {
        const batch = database.batch()
        const writes = upgraded.batch(batch)
        if (each.do === 'put') {
          writes.put(upgraded, each.key, Uint8Array.of(each.value))
          model.set(text(each.key), [each.value])
        } else if (each.do === 'delete') {
          writes.delete(upgraded, each.key)
          model.delete(text(each.key))
        } else {
          writes.deleteRange(upgraded, each.key, each.to ?? undefined)
          for (const known of [...model.keys()])
            if (isIn(bytesOf(known), each.key, each.to ?? undefined)) model.delete(known)
        }
        batch.write()
      }
      check(upgraded, model, undefined, undefined)
      check(upgraded, model, from, to)
      expect(database.iteratorsOpen).toBe(0)
      await database.close()
      await engine.destroy('0_0')
    }),
    { seed: 5, numRuns },
  )
  await engine.close()
  await rm(directory, { recursive: true, force: true })
})

function engineOf(name: 'memory' | 'rocksdb' | 'lmdb', directory: string): StateEngine {
  if (name === 'rocksdb') return createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory })
  return name === 'lmdb' ? createLmdbEngine({ ...LMDB_DEFAULTS, directory }) : createMemoryEngine()
}

const text = (bytes: Uint8Array): string => bytes.join()
const bytesOf = (joined: string): Uint8Array => Uint8Array.from(joined.split(','), Number)
const isIn = (bytes: Uint8Array, from: Uint8Array | undefined, to: Uint8Array | undefined): boolean =>
  (from === undefined || compareBytes(bytes, from) >= 0) && (to === undefined || compareBytes(bytes, to) < 0)

function check(
  keyspace: Keyspace,
  model: ReadonlyMap<string, readonly number[]>,
  from: Uint8Array | undefined,
  to: Uint8Array | undefined,
): void {
  const expected = [...model]
    .filter(([each]) => isIn(bytesOf(each), from, to))
    .sort(([left], [right]) => compareBytes(bytesOf(left), bytesOf(right)))
  for (const reverse of [false, true]) {
    const iterator = keyspace.iterate({ from, to, reverse })
    const found: [string, number[]][] = []
    while (iterator.next()) found.push([text(iterator.key), [...iterator.value]])
    iterator.close()
    expect(found).toEqual(reverse ? expected.toReversed() : expected)
  }
  const keys = ['0', '1', '2,1', '3,3'].map(bytesOf)
  const many = keyspace.getMany(keys)
  keys.forEach((each, index) => {
    const value = model.get(text(each))
    expect(many[index] && [...many[index]]).toEqual(value)
    expect(keyspace.get(each)).toEqual(many[index])
  })
}
