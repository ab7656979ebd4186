import { afterEach, beforeEach, expect, test } from 'vitest'
import { createStreamsBuilder, keyValueStore, serdes, sessionStore, windowStore } from '../index.ts'
import type { StoreIterator, StoreSpec } from '../stores/index.ts'
import { createThreadWorld, type ThreadWorld } from './testing/thread-world.ts'

const serde = { key: serdes.string, value: serdes.string }
let world: ThreadWorld

beforeEach(async () => {
  world = await createThreadWorld(['in', 'out'])
})
afterEach(() => world.close())

const stores: readonly StoreSpec[] = [
  keyValueStore({ name: 'rows', ...serde }),
  windowStore({ name: 'rows', ...serde, windowSizeMs: 10, retentionMs: 100 }),
  sessionStore({ name: 'rows', ...serde, retentionMs: 100 }),
]

test.each(stores)(
  'a $kind store whose iterators leak is closed with a warning, and can be opened again',
  async (spec) => {
    const builder = createStreamsBuilder()
    builder
      .stream('in', serde)
      .process(
        {
          stores: [spec],
          get: () => ({
            init(context) {
              const store = context.store(spec) as {
                all?(): StoreIterator<unknown>
                fetchKeyRange?(from: undefined, to: undefined): StoreIterator<unknown>
              }
              this.process = (record) => {
                // Not even looked at.
                store.all?.() ?? store.fetchKeyRange?.(undefined, undefined)
                context.forward(record)
              }
            },
            process() {},
          }),
        },
        serde,
      )
      .to('out')
    const topology = builder.build()
    await world.send('in', [
      { key: 'a', value: 'x' },
      { key: 'a', value: 'y' },
    ])
    expect(await world.run(topology)).toBeUndefined()
    expect(world.warnings).toEqual([
      'Store rows of task 0_0 had 2 open iterators when it was closed. ' +
        'Run each one to its end, or close it: for…of does so, and so does using',
    ])
    await world.send('in', [{ key: 'a', value: 'z' }])
    expect(await world.run(topology)).toBeUndefined()
    expect(await world.read('out', 3)).toHaveLength(3)
  },
)
