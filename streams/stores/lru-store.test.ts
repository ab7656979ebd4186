import { expect, test } from 'vitest'
import { createTestDriver } from '../../testing/test-driver/index.ts'
import { createTopologyBuilder, lruStore, type ProcessorContext, serdes } from '../index.ts'

const TEXTS = { key: serdes.string, value: serdes.string }
const recent = lruStore({ name: 'recent', ...TEXTS, entriesMax: 2 })

/** Keeps values by key; a value '?' only reads. */
function setUp() {
  const topology = createTopologyBuilder()
    .addSource({ name: 'source', topics: 'in', ...TEXTS })
    .addProcessor<string, string, never, never>({
      name: 'keep',
      parents: ['source'],
      supplier: {
        stores: [recent],
        get: () => {
          let context: ProcessorContext<never, never>
          return {
            init: (given) => {
              context = given
            },
            process: ({ key, value }) => {
              const store = context.store(recent)
              if (value === '?') store.get(key)
              else store.put(key, value)
            },
          }
        },
      },
    })
    .build()
  const driver = createTestDriver(topology)
  const keys = (): readonly string[] => {
    const store = driver.store<{ all(): Iterable<{ readonly key: string }> }>('recent')
    return [...store.all()].map(({ key }) => key)
  }
  return { driver, keys, input: driver.inputTopic('in', TEXTS) }
}

test('the key that was used longest ago goes', () => {
  const { driver, keys, input } = setUp()
  for (const key of ['a', 'b', 'c']) input.pipe(key, key)
  expect(keys()).toEqual(['b', 'c'])
  input.pipe('b', '?')
  input.pipe('d', 'd')
  expect(keys()).toEqual(['b', 'd'])
  driver.close()
})

test('what went does not come back after a restart, and the bound holds', () => {
  const { driver, keys, input } = setUp()
  for (const key of ['a', 'b', 'c']) input.pipe(key, key)
  driver.crashAndLoseState()
  expect(keys()).toEqual(['b', 'c'])
  input.pipe('a', 'a')
  expect(keys()).toEqual(['a', 'c'])
  driver.close()
})

test('a bound that is none is refused', () => {
  expect(() => lruStore({ name: 's', ...TEXTS, entriesMax: 0 })).toThrow(/entriesMax is a whole number of at least 1/)
})
