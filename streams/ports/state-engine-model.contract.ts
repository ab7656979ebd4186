import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Bytes, compareBytes, hexOf } from '../base/index.ts'
import type { EngineIterator, KeyRange, StateDatabase, StateEngine, WriteBatch } from './state-engine.ts'

/**
 * Random programs against a sorted list of pairs. Keys come from few bytes, so that programs meet the same keys again,
 * and have a long variant; the order of the model is `compareBytes`.
 */
type Command =
  | { readonly kind: 'write'; readonly writes: readonly Write[] }
  | { readonly kind: 'abandon'; readonly writes: readonly Write[] }
  | { readonly kind: 'open-iterator'; readonly space: number; readonly range: KeyRange }
  | { readonly kind: 'finish-iterator' }
  | { readonly kind: 'read'; readonly space: number; readonly keys: readonly Bytes[] }
  | { readonly kind: 'scan'; readonly space: number; readonly range: KeyRange }
  | { readonly kind: 'reopen' }

type Write =
  | { readonly kind: 'put'; readonly space: number; readonly key: Bytes; readonly value: Bytes }
  | { readonly kind: 'delete'; readonly space: number; readonly key: Bytes }
  | { readonly kind: 'delete-range'; readonly space: number; readonly from: Bytes; readonly to: Bytes | undefined }

const SPACES = ['left', 'right'] as const
const RUNS = 60
const SEED = 20_260

const LONG_START = new Uint8Array(1976).fill(1)
const shortKey = fc.array(fc.constantFrom(0, 1, 2, 0x7f, 0xff), { maxLength: 4 }).map((bytes) => Uint8Array.from(bytes))
const key = fc.oneof(
  { weight: 9, arbitrary: shortKey },
  { weight: 1, arbitrary: shortKey.map((end) => Uint8Array.from([...LONG_START, ...end])) },
)
const bound = fc.option(key, { nil: undefined })
const space = fc.nat({ max: SPACES.length - 1 })
const range = fc.record({ from: bound, to: bound, reverse: fc.boolean() })
const write = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), space, key, value: fc.uint8Array() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), space, key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete-range' as const), space, from: key, to: bound }) },
)
const writes = fc.array(write, { maxLength: 25 })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('write' as const), writes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abandon' as const), writes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('open-iterator' as const), space, range }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('finish-iterator' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), space, keys: fc.array(key) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('scan' as const), space, range }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
)

export function stateEngineModelTest(engineOf: () => StateEngine): void {
  describe('random programs', () => {
    test('answer as a sorted list of pairs does', { timeout: 30_000 }, async () => {
      let run = 0
      const program = fc.array(command, { minLength: 1, maxLength: 40 })
      await fc.assert(
        fc.asyncProperty(program, async (commands) => {
          run++
          await runProgram(engineOf(), `model_${run}`, commands)
        }),
        { numRuns: RUNS, seed: SEED },
      )
    })
  })
}

type Pair = { readonly key: Bytes; readonly value: Bytes }
type OpenIterator = { readonly iterator: EngineIterator; readonly expected: readonly string[] }

async function runProgram(engine: StateEngine, name: string, commands: readonly Command[]): Promise<void> {
  const model: Pair[][] = SPACES.map(() => [])
  const iterators: OpenIterator[] = []
  let database = await engine.open(name, SPACES)
  const finishIterators = (): void => {
    for (const { iterator, expected } of iterators.splice(0)) expect(drain(iterator)).toEqual(expected)
  }
  try {
    for (const next of commands) {
      if (next.kind === 'reopen') {
        finishIterators()
        await database.close()
        database = await engine.open(name, SPACES)
      } else if (next.kind === 'finish-iterator') finishIterators()
      else runCommand(database, model, iterators, next)
    }
    finishIterators()
    expect(database.iteratorsOpen).toBe(0)
  } finally {
    for (const { iterator } of iterators) iterator.close()
    await database.close()
    await engine.destroy(name)
  }
}

function runCommand(
  database: StateDatabase,
  model: Pair[][],
  iterators: OpenIterator[],
  command: Exclude<Command, { kind: 'reopen' | 'finish-iterator' }>,
): void {
  switch (command.kind) {
    case 'write':
    case 'abandon': {
      const batch = database.batch()
      for (const one of command.writes) fillBatch(database, batch, one)
      if (command.kind === 'abandon') return
      batch.write()
      for (const one of command.writes) model[one.space] = applied(model[one.space] as Pair[], one)
      return
    }
    case 'open-iterator': {
      const iterator = database.keyspace(SPACES[command.space] as string).iterate(command.range)
      iterators.push({ iterator, expected: expectedOf(model[command.space] as Pair[], command.range) })
      return
    }
    case 'read': {
      const read = database.keyspace(SPACES[command.space] as string).getMany(command.keys)
      const pairs = model[command.space] as Pair[]
      const expected = command.keys.map((wanted) => pairs.find((pair) => compareBytes(pair.key, wanted) === 0)?.value)
      expect(read.map(hexOrNothing)).toEqual(expected.map(hexOrNothing))
      return
    }
    case 'scan': {
      const iterator = database.keyspace(SPACES[command.space] as string).iterate(command.range)
      expect(drain(iterator)).toEqual(expectedOf(model[command.space] as Pair[], command.range))
    }
  }
}

function fillBatch(database: StateDatabase, batch: WriteBatch, one: Write): void {
  const keyspace = database.keyspace(SPACES[one.space] as string)
  if (one.kind === 'put') batch.put(keyspace, one.key, one.value)
  else if (one.kind === 'delete') batch.delete(keyspace, one.key)
  else batch.deleteRange(keyspace, one.from, one.to)
}

function applied(pairs: readonly Pair[], one: Write): Pair[] {
  switch (one.kind) {
    case 'put': {
      const others = pairs.filter((pair) => compareBytes(pair.key, one.key) !== 0)
      return [...others, { key: one.key, value: one.value }].sort((a, b) => compareBytes(a.key, b.key))
    }
    case 'delete':
      return pairs.filter((pair) => compareBytes(pair.key, one.key) !== 0)
    case 'delete-range':
      return pairs.filter((pair) => !isIn(pair.key, { from: one.from, to: one.to }))
  }
}

function isIn(candidate: Bytes, { from, to }: KeyRange): boolean {
  if (from !== undefined && compareBytes(candidate, from) < 0) return false
  return to === undefined || compareBytes(candidate, to) < 0
}

function expectedOf(pairs: readonly Pair[], range: KeyRange): string[] {
  const found = pairs.filter((pair) => isIn(pair.key, range)).map((pair) => shown(pair.key, pair.value))
  return range.reverse === true ? found.reverse() : found
}

function drain(iterator: EngineIterator): string[] {
  const found: string[] = []
  while (iterator.next()) found.push(shown(iterator.key, iterator.value))
  iterator.close()
  return found
}

function shown(shownKey: Bytes, value: Bytes): string {
  const start = shownKey.length > LONG_START.length ? `(${LONG_START.length})` : ''
  return `${start}${hexOf(start === '' ? shownKey : shownKey.subarray(LONG_START.length))}=${hexOf(value)}`
}

function hexOrNothing(bytes: Bytes | undefined): string | undefined {
  return bytes === undefined ? undefined : hexOf(bytes)
}
