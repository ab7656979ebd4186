/**
 * What the events of the platform look like: ids, money, data classification, Avro schemas with the TypeScript types
 * made from them, topics, and (below) the serdes. Nothing here knows a broker, a store or an HTTP server: the schema
 * registry is a port with its implementations in `connectors/schema-registry`.
 */
export {
  type AvroReader,
  type AvroType,
  type AvroWriter,
  createAvroReader,
  createAvroWriter,
  parseAvro,
  problemOfReading,
  problemOfValue,
} from './avro/avro-codec.ts'
export type {
  AvroField,
  AvroRecord,
  AvroSchema,
  InputOf,
  TypeOf,
} from './avro/avro-types.ts'
export { atLeast, enumeration, field, id, list, openEnumeration, optional, record } from './avro/avro-types.ts'
export {
  CLASSIFICATIONS,
  type Classification,
  isAtLeastAsSensitive,
} from './classification.ts'
export {
  defineEvent,
  EVENT_NAMESPACE,
  type EventDefinition,
  type EventInput,
  type EventMetadata,
  type EventValue,
} from './event.ts'
export * from './ids.ts'
export {
  addMoney,
  basisPointsOf,
  CURRENCIES,
  type Currency,
  compareMoney,
  equalMoney,
  formatMoney,
  isCurrency,
  MINOR_UNIT_DIGITS,
  type Money,
  money,
  negateMoney,
  subtractMoney,
  zeroMoney,
} from './money.ts'
export {
  bandOf,
  DEFAULT_DELINQUENCY_BANDS,
  type DelinquencyBand,
  problemOfBands,
} from './sacco/delinquency-bands.ts'
export * from './sacco/events.ts'
export {
  REPLICATION_FACTOR,
  RETENTION_SEVEN_YEARS_MS,
  SACCO_TOPICS,
  type SaccoTopic,
  saccoTopicSpecs,
} from './sacco/topics.ts'
export { createEventSerde, createRecordSerde, createTopicSerde, recordDefinition } from './serde/event-serde.ts'
export {
  localSchemas,
  type RegisteredSchemas,
  type RegisterOptions,
  registerSchemas,
  restoreSchemas,
  type SchemaDefinition,
  type SchemaSnapshot,
} from './serde/register.ts'
export { createSchemaCache, type SchemaCache } from './serde/schema-cache.ts'
export {
  COMPATIBILITY_LEVELS,
  type CompatibilityLevel,
  type CompatibilityVerdict,
  SchemaError,
  type SchemaErrorCode,
  type SchemaRegistry,
} from './serde/schema-registry.ts'
export { readSchemaId, WIRE_HEADER_BYTES, writeWireHeader } from './serde/wire-format.ts'
export { problemOfEvent } from './validate.ts'
