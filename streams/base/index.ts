/**
 * What everything else stands on: bytes, assertions, errors, ids, murmur2, seeded randomness. No I/O, no clock, no
 * dependency on any other folder.
 */
export { AssertionError, assert, present } from './assert.ts'
export {
  type Bytes,
  compareBytes,
  concatBytes,
  EMPTY_BYTES,
  equalBytes,
  hexOf,
  prefixEnd,
  readInt32,
  readInt64,
  utf8Decode,
  utf8Encode,
  writeInt32,
  writeInt64,
} from './bytes.ts'
export { deepFreeze, isFrozenError } from './deep-freeze.ts'
export { hasCode, messageOf, StreamsError, type StreamsErrorCode, sentenceOf } from './errors.ts'
export { type Brand, parseTaskId, partitionName, type TaskId, taskId } from './ids.ts'
export { murmur2, partitionForKey } from './murmur2.ts'
export { createPrng, type Prng } from './prng.ts'
