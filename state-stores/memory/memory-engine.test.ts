import { expect, test } from 'vitest'
import { utf8Encode } from '#streams/base'
import { stateEngineContract } from '../../streams/ports/state-engine.contract.ts'
import { createMemoryEngine } from './index.ts'

stateEngineContract('memory', async () => ({ engine: createMemoryEngine(), cleanUp: async () => {} }))

test('a crash clone has what was written, opens it anew, and shares nothing', async () => {
  const engine = createMemoryEngine()
  const database = await engine.open('0_0', ['store'])
  const write = (value: string): void => {
    const batch = database.batch()
    batch.put(database.keyspace('store'), utf8Encode('a'), utf8Encode(value))
    batch.write()
  }
  write('before')
  const clone = engine.crashClone()
  write('after')
  const reopened = await clone.open('0_0', ['store'])
  expect(new TextDecoder().decode(reopened.keyspace('store').get(utf8Encode('a')))).toBe('before')
  expect(new TextDecoder().decode(database.keyspace('store').get(utf8Encode('a')))).toBe('after')
  await Promise.all([database.close(), reopened.close()])
})
