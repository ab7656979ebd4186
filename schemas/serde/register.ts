import type { AvroRecord } from '../avro/avro-types.ts'
import { avroText } from '../avro/schema-json.ts'
import type { EventDefinition } from '../event.ts'
import { createSchemaCache, type SchemaCache, type SchemaCacheOptions } from './schema-cache.ts'
import { type CompatibilityLevel, SchemaError, type SchemaRegistry } from './schema-registry.ts'

/**
 * What a serde needs of a schema. Subjects follow the record name strategy: the subject is the full name of the record.
 * Several event types share a topic, so a subject per topic cannot hold them; and an event that is copied to a
 * repartition, changelog or dead-letter topic keeps its one subject and id.
 */
export type SchemaDefinition<Schema extends AvroRecord = AvroRecord> = {
  readonly fullName: string
  readonly schema: Schema
}

export type RegisteredSchemas = {
  /** The id that the registry gave to the schema of this definition. */
  idOf(definition: Pick<EventDefinition, 'fullName'>): number
  readonly cache: SchemaCache
  /** Plain data, for another thread: `restoreSchemas` there needs no registration of its own. */
  snapshot(): SchemaSnapshot
}

export type SchemaSnapshot = readonly {
  readonly fullName: string
  readonly id: number
  readonly text: string
  /** An earlier version, for reading what was written with it. */
  readonly isEarlier?: boolean
}[]

export type RegisterOptions = {
  readonly registry: SchemaRegistry
  readonly definitions: readonly SchemaDefinition[]
  /**
   * Level set for every subject before its schemas are checked; undefined leaves the registry's as it is. The
   * platform uses FULL_TRANSITIVE: events are kept for seven years, and old and new programs run side by side.
   */
  readonly compatibility?: CompatibilityLevel
}

/**
 * Registers the schemas of all definitions, after every one of them was found compatible with what its subject holds:
 * if one is not, nothing is registered and the error lists all that are wrong. Safe to call at every start.
 *
 * All earlier versions come along: stores read synchronously, and hold values as long as nobody writes them anew.
 */
export async function registerSchemas(options: RegisterOptions): Promise<RegisteredSchemas> {
  const { registry, definitions, compatibility } = options
  if (compatibility !== undefined) {
    for (const { fullName } of definitions) await registry.setCompatibility(fullName, compatibility)
  }
  const entries = definitions.map(({ fullName, schema }) => ({ fullName, text: avroText(schema) }))
  const problems: string[] = []
  for (const { fullName, text } of entries) {
    const verdict = await registry.checkCompatibility(fullName, text)
    if (!verdict.compatible) problems.push(`  ${fullName}: ${verdict.reasons.join('; ') || 'no reason given'}`)
  }
  if (problems.length > 0) throw incompatible(registry, problems, definitions.length)
  const snapshot: SchemaSnapshot[number][] = []
  for (const entry of entries) {
    const id = await registry.register(entry.fullName, entry.text)
    for (const version of await registry.versionsOf(entry.fullName)) {
      if (version.id !== id) snapshot.push({ ...version, fullName: entry.fullName, isEarlier: true })
    }
    snapshot.push({ ...entry, id })
  }
  return restoreSchemas(snapshot, registry)
}

/** What `registerSchemas` gave in another thread. The registry is asked for the schemas of other writers only. */
export function restoreSchemas(
  snapshot: SchemaSnapshot,
  registry: Pick<SchemaRegistry, 'schemaById'>,
  options: SchemaCacheOptions = {},
): RegisteredSchemas {
  const cache = createSchemaCache(registry, options)
  const ids = new Map<string, number>()
  for (const { fullName, id, text, isEarlier } of snapshot) {
    if (isEarlier !== true) ids.set(fullName, id)
    cache.put(id, text)
  }
  return {
    cache,
    snapshot: () => snapshot,
    idOf({ fullName }) {
      const id = ids.get(fullName)
      if (id === undefined) throw new Error(`the schema of ${fullName} was not registered: add it to registerSchemas`)
      return id
    },
  }
}

/**
 * Ids 1, 2, 3 … without any registry: for tests of topologies, where all records are written and read by one program.
 * Never for bytes that are kept.
 */
export function localSchemas(definitions: readonly SchemaDefinition[]): RegisteredSchemas {
  const snapshot = definitions.map(({ fullName, schema }, index) => ({
    fullName,
    id: index + 1,
    text: avroText(schema),
  }))
  // There is nobody to ask again later, and so no need of a clock: simulations have another one.
  return restoreSchemas(snapshot, { schemaById: async () => undefined }, { nowMs: () => 0 })
}

function incompatible(registry: SchemaRegistry, problems: readonly string[], count: number): SchemaError {
  return new SchemaError(
    'SCHEMA_INCOMPATIBLE',
    `${problems.length} of ${count} schemas do not fit what ${registry.name} holds, so none was registered:\n` +
      `${problems.join('\n')}\nGive a new field a default, keep old fields, or use a new event type.`,
  )
}
