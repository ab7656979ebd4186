import { SchemaError } from '#schemas'
import { type Bytes, messageOf, utf8Decode, utf8Encode } from '#streams/base'

/**
 * The records of the `_schemas` topic, in the JSON that Confluent's Schema Registry writes: one registry can take the
 * topic of the other over. The topic is compacted, so every record says the whole truth about its key.
 */
export type RegistryKey =
  | { readonly keytype: 'SCHEMA'; readonly subject: string; readonly version: number; readonly magic: 1 }
  | { readonly keytype: 'CONFIG'; readonly subject: string | null; readonly magic: 0 }
  | { readonly keytype: 'MODE'; readonly subject: string | null; readonly magic: 0 }
  | { readonly keytype: 'DELETE_SUBJECT'; readonly subject: string; readonly magic: 0 }
  | { readonly keytype: 'CLEAR_SUBJECT'; readonly subject: string; readonly magic: 0 }
  /**
   * Confluent's marker without meaning. Its value, which Confluent ignores, keeps the highest id ever given: a schema
   * that was deleted for good leaves the topic, and its id must still never be given to another one.
   */
  | { readonly keytype: 'NOOP'; readonly magic: 0 }

export type SchemaValue = {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly schema: string
  readonly deleted: boolean
}

export type RegistryRecord =
  | { readonly key: Extract<RegistryKey, { keytype: 'SCHEMA' }>; readonly value: SchemaValue | null }
  | {
      readonly key: Extract<RegistryKey, { keytype: 'CONFIG' }>
      readonly value: { readonly compatibilityLevel: string } | null
    }
  | { readonly key: Extract<RegistryKey, { keytype: 'MODE' }>; readonly value: { readonly mode: string } | null }
  | {
      readonly key: Extract<RegistryKey, { keytype: 'DELETE_SUBJECT' | 'CLEAR_SUBJECT' }>
      readonly value: { readonly subject: string; readonly version?: number } | null
    }
  | { readonly key: Extract<RegistryKey, { keytype: 'NOOP' }>; readonly value: { readonly maxId: number } | null }

export type EncodedRecord = { readonly key: Bytes; readonly value: Bytes | null }

export function encodeRegistryRecord(record: RegistryRecord): EncodedRecord {
  return {
    key: utf8Encode(JSON.stringify(record.key)),
    value: record.value === null ? null : utf8Encode(JSON.stringify(record.value)),
  }
}

const KNOWN_KEYTYPES: ReadonlySet<string> = new Set([
  'SCHEMA',
  'CONFIG',
  'MODE',
  'DELETE_SUBJECT',
  'CLEAR_SUBJECT',
  'NOOP',
])
/** Written by newer registries of Confluent; they say nothing about subjects and versions. */
const IGNORED_KEYTYPES: ReadonlySet<string> = new Set(['CONTEXT'])

/** Undefined for a record that says nothing to us. Throws on one that cannot be understood: guessing would give ids twice. */
export function decodeRegistryRecord(key: Bytes | null, value: Bytes | null): RegistryRecord | undefined {
  if (key === null) throw new SchemaError('SCHEMA_INVALID', 'a record of the schema topic has no key')
  let record: RegistryRecord
  try {
    record = {
      key: JSON.parse(utf8Decode(key)),
      value: value === null || value.length === 0 ? null : JSON.parse(utf8Decode(value)),
    }
  } catch (cause) {
    throw new SchemaError('SCHEMA_INVALID', `a record of the schema topic is not JSON: ${messageOf(cause)}`, { cause })
  }
  const keytype = (record.key as { readonly keytype?: unknown } | null)?.keytype
  if (IGNORED_KEYTYPES.has(String(keytype))) return undefined
  if (!KNOWN_KEYTYPES.has(String(keytype))) {
    throw new SchemaError('SCHEMA_INVALID', `a record of the schema topic has the unknown keytype ${String(keytype)}`)
  }
  assertKey(record.key)
  assertValue(record)
  return record
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

function assertKey(key: RegistryKey): void {
  if (key.keytype === 'NOOP') return
  const { subject } = key
  const isForAll = (key.keytype === 'CONFIG' || key.keytype === 'MODE') && subject == null
  if (!isText(subject) && !isForAll) throw unsound(`${key.keytype} record`, 'subject')
  if (key.keytype === 'SCHEMA' && !Number.isSafeInteger(key.version)) throw unsound('SCHEMA record', 'version')
}

/** A level or a mode that is none would otherwise decide what may be registered. */
function assertValue({ key, value }: RegistryRecord): void {
  if (value === null) return
  if (typeof value !== 'object' || Array.isArray(value)) throw unsound(`${key.keytype} record`, 'object as its value')
  const { compatibilityLevel, mode, version, maxId } = value as Readonly<Record<string, unknown>>
  if (key.keytype === 'SCHEMA') assertSchemaValue(value as SchemaValue)
  // Confluent's newer ones write null where other settings than these were made.
  if (key.keytype === 'CONFIG' && compatibilityLevel != null && !isText(compatibilityLevel))
    throw unsound('CONFIG record', 'compatibilityLevel')
  if (key.keytype === 'MODE' && mode != null && !isText(mode)) throw unsound('MODE record', 'mode')
  if (key.keytype === 'DELETE_SUBJECT' && version !== undefined && !Number.isSafeInteger(version))
    throw unsound('DELETE_SUBJECT record', 'version')
  if (key.keytype === 'NOOP' && maxId !== undefined && !Number.isSafeInteger(maxId))
    throw unsound('NOOP record', 'maxId')
}

function unsound(what: string, missing: string): SchemaError {
  return new SchemaError('SCHEMA_INVALID', `a ${what} of the schema topic has no sound ${missing}`)
}

function assertSchemaValue({ subject, version, id, schema }: SchemaValue): void {
  const isSound =
    typeof subject === 'string' &&
    typeof schema === 'string' &&
    Number.isSafeInteger(version) &&
    Number.isSafeInteger(id)
  if (!isSound) throw new SchemaError('SCHEMA_INVALID', 'a schema record lacks subject, version, id or schema')
}
