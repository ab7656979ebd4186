import { expect, test } from 'vitest'
import { nodeClock } from '#host'
import { createStreamsBuilder, StreamsError, serdes } from '../index.ts'
import type { Serde } from '../ports/index.ts'
import { defaults } from './config.ts'
import { createThreadWorld } from './testing/thread-world.ts'

test('a batch of a global table that could not be read is the first of the next turn', async () => {
  const world = await createThreadWorld(['in', 'out', 'towns'])
  const send = (key: string, value: string) => world.send('towns', [{ key, value }])
  let failures = 0
  const value: Serde<string> = {
    ...serdes.string,
    prepare: async (bytes: Uint8Array) => {
      if (new TextDecoder().decode(bytes) === 'Kisumu' && failures++ === 0)
        throw new StreamsError('LOG_UNAVAILABLE', 'the registry does not answer')
    },
  } as never
  const builder = createStreamsBuilder()
  builder.globalTable('towns', { key: serdes.string, value, store: 'towns' })
  builder.stream('in', { key: serdes.string, value: serdes.string }).to('out')
  const { thread, end } = world.start(builder.build(), { cacheBytesMax: defaults.cacheBytesMax })
  await nodeClock.sleep(300)
  await send('a', 'Nyeri')
  await nodeClock.sleep(200)
  await send('b', 'Kisumu')
  await nodeClock.sleep(1500)
  await send('c', 'Embu')
  await nodeClock.sleep(1000)
  const s = thread.globalStores.get('towns') as unknown as { get(key: string): { value?: string } | undefined }
  const got = ['a', 'b', 'c'].map((k) => {
    const v = s.get(k)
    return v?.value ?? v
  })
  const pos = thread.globalPosition('towns')
  thread.stop()
  const err = await end
  await world.close()
  expect([err, failures > 0, got, [...(pos?.offsets ?? [])]]).toEqual([
    undefined,
    true,
    ['Nyeri', 'Kisumu', 'Embu'],
    [[0, 3]],
  ])
})
