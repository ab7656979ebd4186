import { expect, test } from 'vitest'
import { utf8Encode } from './bytes.ts'
import { murmur2, partitionForKey } from './murmur2.ts'

/** Values of org.apache.kafka.common.utils.Utils.murmur2, from Kafka's own tests. */
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('murmur2 of %s', (text, hash) => {
  expect(murmur2(utf8Encode(text))).toBe(hash)
  expect(partitionForKey(utf8Encode(text), 12)).toBe((hash & 0x7fffffff) % 12)
})
