import { localSchemas, registerSchemas, restoreSchemas, type SchemaSnapshot } from '#schemas'
import type { Log } from '#streams/ports'
import { DEAD_LETTER_TOPIC, ENTITY_SIGNALS_TOPIC, MEMBER_SIGNALS_TOPIC } from './shared/names.ts'
import { SACCO_DEFINITIONS } from './stores.ts'
import { saccoTopics } from './topics.ts'
import { createSaccoTopology } from './topology.ts'

/**
 * The SACCO as a module that a host runs: the one place here that knows what it runs on. Schemas are registered once,
 * before any thread starts, in the registry that lives in the log; each thread then makes its own topology.
 */
export async function prepare({ log }: { readonly log: Log }): Promise<SchemaSnapshot> {
  // Loaded here only: threads import this module too, and need no registry.
  const { asSchemaRegistry, createEmbeddedRegistry, createLogStore } = await import('#connectors/schema-registry')
  const store = createLogStore({ log, nowMs: Date.now, replicationFactor: -1 })
  const registry = await createEmbeddedRegistry(store)
  try {
    const definitions = SACCO_DEFINITIONS
    const schemas = await registerSchemas({
      registry: asSchemaRegistry(registry),
      definitions,
      // Events are kept for seven years, and programs of different ages run side by side.
      compatibility: 'FULL_TRANSITIVE',
    })
    return schemas.snapshot()
  } finally {
    await registry.close()
  }
}

/** Without a snapshot nothing runs (`describe`, tests): then ids of its own will do. */
export const topology = (snapshot?: SchemaSnapshot) =>
  createSaccoTopology(snapshot === undefined ? localSchemas(SACCO_DEFINITIONS) : restoreSchemas(snapshot, NO_REGISTRY))

/** A thread knows the schemas that were registered at start; records of others are dead letters until the next start. */
const NO_REGISTRY = { schemaById: async () => undefined }

export const topics = saccoTopics()

/** What cannot be read or processed goes to the dead letters with its reason, and the stream goes on. */
const toDeadLetters = () => ({ action: 'continue', deadLetterTopic: DEAD_LETTER_TOPIC }) as const

export const config = {
  processingGuarantee: 'exactly_once_v2',
  // A flag about a device is three commits away from its event: short ones keep it below a tenth of a second.
  commitIntervalMs: 25,
  // Of every store in every task, some two hundred: the default of 50,000 was never reached, and a load of ten thousand
  // members kept 300 MB of objects per thread (most of them event ids that nobody asks for again). This keeps 170 MB,
  // at the same processor time per record.
  cleanEntriesPerStoreMax: 3_000,
  deserializationExceptionHandler: toDeadLetters,
  processingExceptionHandler: toDeadLetters,
  deadLetterTopic: DEAD_LETTER_TOPIC,
  ownedTopics: [MEMBER_SIGNALS_TOPIC, ENTITY_SIGNALS_TOPIC],
} as const
