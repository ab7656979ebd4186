/**
 * Microseconds per operation of the three state engines, with 16-byte keys and 120-byte values:
 *
 *   node bench/state-engines.bench.ts [engine …]
 *
 * Loads KEYS keys in random order in batches of 1000, then reads them in random order. Every figure is the median of
 * ROUNDS rounds. The data fits in the page cache: it is the engines that are measured, not the disk.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createLmdbEngine,
  createMemoryEngine,
  createRocksDbEngine,
  LMDB_DEFAULTS,
  ROCKSDB_DEFAULTS,
} from '#state-stores'
import { type Bytes, createPrng, type Prng, writeInt32 } from '#streams/base'
import type { Keyspace, StateDatabase, StateEngine } from '#streams/ports'

const KEYS = 200_000
const KEY_BYTES = 16
const VALUE_BYTES = 120
const BATCH_PUTS = 1000
const MANY = 100
const READS_PER_ROUND = 10_000
const ROUNDS = 5

type Engines = Readonly<Record<string, (directory: string) => StateEngine>>

const ENGINES: Engines = {
  rocksdb: (directory) => createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory }),
  lmdb: (directory) => createLmdbEngine({ ...LMDB_DEFAULTS, directory }),
  memory: () => createMemoryEngine(),
}

/** Keys that are present have an even last byte, so that a missing one lies among them. */
function keyOf(number: number, isPresent = true): Bytes {
  const key = new Uint8Array(KEY_BYTES)
  writeInt32(key, 0, Math.imul(number, 0x9e3779b1))
  writeInt32(key, 8, number)
  key[KEY_BYTES - 1] = isPresent ? 0 : 1
  return key
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number
}

function microsecondsPer(count: number, round: (index: number) => void): number {
  const measured: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const startMs = performance.now()
    round(i)
    measured.push(((performance.now() - startMs) * 1000) / count)
  }
  return medianOf(measured)
}

function shuffledNumbers(prng: Prng): number[] {
  const numbers = Array.from({ length: KEYS }, (_, i) => i)
  for (let i = KEYS - 1; i > 0; i--) {
    const other = prng.below(i + 1)
    const swapped = numbers[i] as number
    numbers[i] = numbers[other] as number
    numbers[other] = swapped
  }
  return numbers
}

function load(database: StateDatabase, keyspace: Keyspace, numbers: readonly number[]): number {
  const keys = numbers.map((number) => keyOf(number))
  const value = new Uint8Array(VALUE_BYTES).fill(0x61)
  const batch = database.batch()
  const measured: number[] = []
  for (let start = 0; start < KEYS; start += BATCH_PUTS) {
    const startMs = performance.now()
    for (let i = start; i < start + BATCH_PUTS; i++) batch.put(keyspace, keys[i] as Bytes, value)
    batch.write()
    measured.push(((performance.now() - startMs) * 1000) / BATCH_PUTS)
  }
  return medianOf(measured)
}

function require(condition: boolean, what: string): void {
  if (!condition) throw new Error(`the benchmark read something wrong: ${what}`)
}

async function measure(engine: StateEngine): Promise<Record<string, number>> {
  const prng = createPrng(1)
  let database = await engine.open('0_0', ['store'])
  const batchPutUs = load(database, database.keyspace('store'), shuffledNumbers(prng))
  // From files, not from RocksDB's memtables.
  await database.close()
  database = await engine.open('0_0', ['store'])
  const keyspace = database.keyspace('store')
  const hits = Array.from({ length: READS_PER_ROUND }, () => keyOf(prng.below(KEYS)))
  const misses = Array.from({ length: READS_PER_ROUND }, () => keyOf(prng.below(KEYS), false))
  const chunks = Array.from({ length: READS_PER_ROUND / MANY }, (_, i) => hits.slice(i * MANY, (i + 1) * MANY))
  const hitUs = microsecondsPer(READS_PER_ROUND, () => {
    for (const key of hits) require(keyspace.get(key)?.length === VALUE_BYTES, 'a key that is there')
  })
  const missUs = microsecondsPer(READS_PER_ROUND, () => {
    for (const key of misses) require(keyspace.get(key) === undefined, 'a key that is not there')
  })
  const manyUs = microsecondsPer(READS_PER_ROUND, () => {
    for (const chunk of chunks) require(keyspace.getMany(chunk)[MANY - 1]?.length === VALUE_BYTES, 'getMany')
  })
  const iterateUs = microsecondsPer(KEYS / 2, () => {
    const iterator = keyspace.iterate({})
    for (let i = 0; i < KEYS / 2; i++) require(iterator.next() && iterator.value.length === VALUE_BYTES, 'an entry')
    iterator.close()
  })
  const rangeUs = microsecondsPer(1000, (round) => {
    for (let i = 0; i < 1000; i++) {
      const iterator = keyspace.iterate({ from: hits[round * 1000 + i] })
      require(iterator.next(), 'a range')
      iterator.close()
    }
  })
  const reverseUs = microsecondsPer(KEYS / 4, () => {
    const iterator = keyspace.iterate({ reverse: true })
    for (let i = 0; i < KEYS / 4; i++) require(iterator.next(), 'an entry, backwards')
    iterator.close()
  })
  await database.close()
  return {
    'get, hit': hitUs,
    'get, miss': missUs,
    'getMany(100), per key': manyUs,
    'batch of 1000, per put': batchPutUs,
    'iterate, per entry': iterateUs,
    'iterate backwards, per entry': reverseUs,
    'open a range, first entry, close': rangeUs,
  }
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(ENGINES)
const directory = mkdtempSync(join(tmpdir(), 'mto-bench-'))
const results: Record<string, Record<string, number>> = {}
try {
  for (const name of names) {
    const create = ENGINES[name]
    if (create === undefined) throw new Error(`no engine ${name}; there are ${Object.keys(ENGINES).join(', ')}`)
    results[name] = await measure(create(join(directory, name)))
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
console.log(`µs per operation; ${KEYS} keys of ${KEY_BYTES} bytes, values of ${VALUE_BYTES}; Node ${process.version}`)
console.log(['', ...names].join(' | '))
for (const operation of Object.keys(results[names[0] as string] as object)) {
  console.log([operation, ...names.map((name) => results[name]?.[operation]?.toFixed(2))].join(' | '))
}
