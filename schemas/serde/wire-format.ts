import { type Bytes, hexOf, readInt32, StreamsError, writeInt32 } from '#streams/base'

/**
 * Confluent's wire format:
 *
 *   byte 0      magic, 0
 *   bytes 1..4  id of the writer's schema, unsigned, big-endian
 *   bytes 5..   the value in Avro's binary encoding
 */
export const WIRE_HEADER_BYTES = 5
const MAGIC = 0

export function writeWireHeader(target: Bytes, schemaId: number): number {
  target[0] = MAGIC
  writeInt32(target, 1, schemaId)
  return WIRE_HEADER_BYTES
}

/** The schema id at the head of `bytes`; throws if they are not in the wire format. */
export function readSchemaId(bytes: Bytes): number {
  if (bytes.length < WIRE_HEADER_BYTES) {
    throw new StreamsError(
      'RECORD_UNREADABLE',
      `not in the Confluent wire format: ${bytes.length} bytes (${hexOf(bytes)}), at least ${WIRE_HEADER_BYTES} expected`,
    )
  }
  if (bytes[0] !== MAGIC) {
    throw new StreamsError(
      'RECORD_UNREADABLE',
      `not in the Confluent wire format: first byte is ${bytes[0]} instead of ${MAGIC} (${hexOf(bytes, 16)})`,
    )
  }
  return readInt32(bytes, 1) >>> 0
}
