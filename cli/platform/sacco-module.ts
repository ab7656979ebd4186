import {
  asSchemaRegistry,
  createEmbeddedRegistry,
  createLogStore,
  type EmbeddedRegistry,
} from '#connectors/schema-registry'
import type { PrepareContext } from '#host'
import { type RegisteredSchemas, registerSchemas, restoreSchemas, type SchemaSnapshot } from '#schemas'
import type { Log } from '#streams/ports'
import { createSaccoTopology, SACCO_APPLICATION, SACCO_DEFINITIONS, saccoTopics } from '#topologies/sacco'

/**
 * The SACCO on the embedded schema registry, as a module that the host runs: schemas are registered once per process,
 * before the stream threads start, and go to the threads as plain data.
 */
export type Prepared = {
  readonly snapshot: SchemaSnapshot
  /** Every schema that the registry holds: state and topics may have bytes of earlier versions. */
  readonly known: readonly (readonly [id: number, text: string])[]
}

export type OpenRegistry = { readonly registry: EmbeddedRegistry; readonly prepared: Prepared }
const opened = new WeakMap<Log, OpenRegistry>()

/** The registry that `prepare` opened on this log, in this thread. */
export function registryOn(log: Log): OpenRegistry | undefined {
  return opened.get(log)
}

/** Opens the registry on a log and registers what the SACCO writes. FULL_TRANSITIVE: events are kept for seven years. */
export async function openRegistry(log: Log): Promise<OpenRegistry> {
  const registry = await createEmbeddedRegistry(createLogStore({ log, nowMs: Date.now, replicationFactor: -1 }))
  const registered = await registerSchemas({
    registry: asSchemaRegistry(registry),
    definitions: SACCO_DEFINITIONS,
    compatibility: 'FULL_TRANSITIVE',
  })
  const result = { registry, prepared: { snapshot: registered.snapshot(), known: knownSchemas(registry) } }
  opened.set(log, result)
  return result
}

function knownSchemas(registry: EmbeddedRegistry): Prepared['known'] {
  const known: [number, string][] = []
  for (let id = 1; id <= registry.state.idMax; id++) {
    const text = registry.state.schemaById(id)
    if (text !== undefined) known.push([id, text])
  }
  return known
}

export function schemasOf({ snapshot, known }: Prepared): RegisteredSchemas {
  const schemas = restoreSchemas(snapshot, { schemaById: async () => undefined })
  for (const [id, text] of known) schemas.cache.put(id, text)
  return schemas
}

export async function prepare({ log, logger }: PrepareContext): Promise<Prepared> {
  const { prepared } = await openRegistry(log)
  logger.info('Schemas are registered.', { schemas: prepared.snapshot.length, known: prepared.known.length })
  return prepared
}

// Settings that belong to the application are its own; only where the schemas come from differs.
const application = (await import(SACCO_APPLICATION.href)) as { readonly config?: object; readonly topology: unknown }

export const config = application.config ?? {}
export const topics = saccoTopics()
export const topology = async (prepared: Prepared | undefined) => {
  if (prepared !== undefined) return createSaccoTopology(schemasOf(prepared))
  const { topology: local } = application
  return typeof local === 'function' ? local() : local
}
