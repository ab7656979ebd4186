import { localSchemas, registerSchemas, restoreSchemas, type SchemaSnapshot } from '#schemas'
import { StreamsError } from '#streams/base'
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
  await refuseEarlierLayout(log)
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

/** Balances were once kept in tasks by account: what is there of them is in the wrong tasks for this code. */
async function refuseEarlierLayout(log: Log): Promise<void> {
  const topic = (await log.admin.listTopics()).find((name) => name === 'sacco-postings-by-account-repartition')
  if (topic === undefined) return
  throw new StreamsError(
    'TOPOLOGY_INVALID',
    `topic ${topic} shows that the state here was written by an earlier version, which kept balances in other tasks. ` +
      'Start with an empty data directory; on Kafka delete the internal topics of the application and reset its ' +
      'offsets (mto reset), and everything is computed again from the events',
  )
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
  // A balance is one commit away from its event, a flag two, one about a device three: a thread that has caught up
  // commits at once, in up to a third of its time; one that is behind, at the interval. Each commit has a cost that
  // does not depend on how much is in it.
  commitIntervalMs: 60,
  commitShareMax: 0.3,
  // Of every store in every task, some two hundred. A load of ten thousand members kept 300 MB of objects per thread at
  // the default of 50,000 and 170 MB at this, at the same processor time per record. At 1,000 the accounts of a task no
  // longer fit, and each record took 5 µs more.
  cleanEntriesPerStoreMax: 3_000,
  deserializationExceptionHandler: toDeadLetters,
  processingExceptionHandler: toDeadLetters,
  deadLetterTopic: DEAD_LETTER_TOPIC,
  ownedTopics: [MEMBER_SIGNALS_TOPIC, ENTITY_SIGNALS_TOPIC],
} as const
