import { avroText } from '../avro/schema-json.ts'
import type { EventDefinition } from '../event.ts'
import { createSchemaCache, type SchemaCache } from './schema-cache.ts'
import { type CompatibilityLevel, SchemaError, type SchemaRegistry } from './schema-registry.ts'

/**
 * What a serde needs of a definition. Subjects follow the record name strategy: the subject is the full name of the
 * record. Several event types share a topic, so a subject per topic cannot hold them; and an event that is copied to a
 * repartition, changelog or dead-letter topic keeps its one subject and id.
 */
export type SchemaDefinition = Pick<EventDefinition, 'type' | 'fullName' | 'schema'>

export type RegisteredSchemas = {
  /** The id that the registry gave to the schema of this definition. */
  idOf(definition: SchemaDefinition): number
  readonly cache: SchemaCache
}

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
 */
export async function registerSchemas(options: RegisterOptions): Promise<RegisteredSchemas> {
  const { registry, definitions, compatibility } = options
  const texts = definitions.map((definition) => avroText(definition.schema))
  if (compatibility !== undefined) {
    for (const { fullName } of definitions) await registry.setCompatibility(fullName, compatibility)
  }
  const problems: string[] = []
  for (const [index, { fullName }] of definitions.entries()) {
    const verdict = await registry.checkCompatibility(fullName, texts[index] as string)
    if (!verdict.compatible) problems.push(`  ${fullName}: ${verdict.reasons.join('; ') || 'no reason given'}`)
  }
  if (problems.length > 0) {
    throw new SchemaError(
      'SCHEMA_INCOMPATIBLE',
      `${problems.length} of ${definitions.length} schemas do not fit what ${registry.name} holds, so none was registered:\n` +
        `${problems.join('\n')}\nGive a new field a default, keep old fields, or use a new event type.`,
    )
  }
  const ids = new Map<string, number>()
  const cache = createSchemaCache(registry)
  for (const [index, { fullName }] of definitions.entries()) {
    const text = texts[index] as string
    const id = await registry.register(fullName, text)
    ids.set(fullName, id)
    cache.put(id, text)
  }
  return {
    cache,
    idOf({ fullName }) {
      const id = ids.get(fullName)
      if (id === undefined) throw new Error(`the schema of ${fullName} was not registered: add it to registerSchemas`)
      return id
    },
  }
}
