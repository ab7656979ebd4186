import { listOf, nullable } from './composite.ts'
import {
  booleanSerde,
  bytesSerde,
  float64Serde,
  int16Serde,
  int32Serde,
  int64Serde,
  jsonSerde,
  stringSerde,
  uuidSerde,
  voidSerde,
} from './primitives.ts'
import { sessionWindowedSerde, timeWindowedSerde } from './windowed.ts'

/**
 * Values and keys as bytes, in the formats of Kafka and of Kafka Streams (Java): a Java application reads what these
 * write. No schemas here: Avro and the registry are `#schemas`.
 */
export { changeSerde } from './change.ts'
export { listOf, nullable } from './composite.ts'
export type { FixedLengthSerde } from './primitives.ts'
export {
  encodeTimestamped,
  TIMESTAMP_BYTES,
  timestampOf,
  valueBytesOf,
} from './timestamped.ts'
export {
  encodeSessionKey,
  encodeWindowStoreKey,
  SEQUENCE_NUMBER_MAX,
  SESSION_SUFFIX_BYTES,
  sessionKeyBytes,
  sessionKeyEndMs,
  sessionKeyStartMs,
  sessionWindowedSerde,
  timeWindowedSerde,
  WINDOW_END_MAX_MS,
  WINDOW_SUFFIX_BYTES,
  type Window,
  type Windowed,
  windowEndMs,
  windowStoreKeyBytes,
  windowStoreKeySequenceNumber,
  windowStoreKeyStartMs,
} from './windowed.ts'
export {
  encodeAggregateWithHeaders,
  encodeWithHeaders,
  type ReadHeaders,
  readHeaders,
  timestampBehindHeaders,
  valueBehindTimestamp,
  withNoHeaders,
  withNoTimestampNorHeaders,
} from './with-headers.ts'

export const serdes = {
  string: stringSerde,
  int64: int64Serde,
  int32: int32Serde,
  int16: int16Serde,
  float64: float64Serde,
  boolean: booleanSerde,
  bytes: bytesSerde,
  uuid: uuidSerde,
  void: voidSerde,
  json: jsonSerde,
  nullable,
  listOf,
  timeWindowed: timeWindowedSerde,
  sessionWindowed: sessionWindowedSerde,
} as const
