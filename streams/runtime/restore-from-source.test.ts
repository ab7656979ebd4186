import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMemoryEngine } from '#state-stores'
import { hasCode } from '../base/index.ts'
import { createStreamsBuilder, serdes, type Topology } from '../index.ts'
import { logAndContinue, sendToDeadLetterTopic } from './exception-handlers.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

const serde = { key: serdes.string, value: serdes.json<{ readonly name: string; readonly at: number }>() }
let world: ThreadWorld

beforeEach(async () => {
  world = await createThreadWorld(['members', 'asks', 'out', 'dead'])
})
afterEach(() => world.close())

/** The topic of the table is its changelog; each ask gets what the table says. */
function askedTable(): Topology {
  const builder = createStreamsBuilder()
  builder.table('members', {
    ...serde,
    store: 'members',
    timestampExtractor: ({ value }) => value?.at ?? -1,
  })
  builder
    .stream('asks', { key: serdes.string, value: serdes.string })
    .process(
      {
        stores: [],
        get: () => ({
          init(context) {
            const store = context.storeByName('members') as { all(): Iterable<{ key: string; value: unknown }> }
            this.process = (record) => context.forward({ ...record, value: JSON.stringify([...store.all()]) })
          },
          process() {},
        }),
      },
      { key: serdes.string, value: serdes.string, stores: ['members'] },
    )
    .to('out')
  return builder.build({ optimization: 'all' })
}

const state = JSON.stringify([{ key: 'a', value: { value: { name: 'Asha', at: 500 }, timestampMs: 500 } }])

async function sendAll(): Promise<void> {
  await world.send('members', [
    { key: 'a', value: JSON.stringify({ name: 'Asha', at: 500 }), timestampMs: 7 },
    { key: 'b', value: 'not JSON', timestampMs: 8 },
    { key: 'c', value: JSON.stringify({ name: 'Chege', at: -1 }), timestampMs: 9 },
  ])
  await world.send('asks', [{ key: 'q', value: '', timestampMs: 10_000 }])
}

test.each([
  ['without dead letters', logAndContinue],
  ['with dead letters', sendToDeadLetterTopic('dead')],
] as const)(
  'a table restored from its source is the same again: %s',
  async (_name, deserializationExceptionHandler) => {
    const options = { deserializationExceptionHandler, maxTaskIdleMs: 50, deadLetterTopic: 'dead' }
    await sendAll()
    expect(await world.run(askedTable(), options)).toBeUndefined()
    world.engine = createMemoryEngine()
    await world.send('asks', [{ key: 'q', value: '', timestampMs: 10_001 }])
    expect(await world.run(askedTable(), options)).toBeUndefined()
    const answers = (await world.read('out', 2)).map(({ value }) =>
      serdes.string.deserialize(value as Uint8Array, 'out'),
    )
    expect(answers).toEqual([state, state])
    // One each time it was processed, none when it was restored.
    expect(await world.read('dead', 1)).toHaveLength(1)
  },
)

test('a handler that fails now fails the restore too', async () => {
  await sendAll()
  expect(
    await world.run(askedTable(), { deserializationExceptionHandler: logAndContinue, maxTaskIdleMs: 50 }),
  ).toBeUndefined()
  world.engine = createMemoryEngine()
  await world.send('asks', [{ key: 'q', value: '' }])
  const error = await world.run(askedTable())
  expect(hasCode(error, 'RECORD_UNREADABLE')).toBe(true)
  expect(String(error)).toMatch('the record at members-0@1 could not be read')
})
