import { pathToFileURL } from 'node:url'
import type { Topology } from '#streams'
import { messageOf, StreamsError } from '#streams/base'
import type { Log, Logger, TopicSpec } from '#streams/ports'
import type { StreamsOptions } from '#streams/runtime'

/** What `prepare` may use: it runs once per process, before any thread starts. */
export type PrepareContext = { readonly log: Log; readonly logger: Logger }

/**
 * What a module that Mto runs exports. Each stream thread imports it and builds its own topology: functions cannot
 * cross threads.
 */
export type ApplicationModule<Prepared = unknown> = {
  /** Given what `prepare` returned; undefined where nothing runs (`mto describe`). */
  readonly topology: Topology | ((prepared: Prepared | undefined) => Topology | Promise<Topology>)
  /**
   * Registers schemas, writes first reference data and the like, when the topics exist. Its result must be plain data
   * (it is cloned into each thread).
   */
  readonly prepare?: (context: PrepareContext) => Promise<Prepared>
  /** Settings that belong to the application, such as exception handlers. What `run` is given wins over them. */
  readonly config?: Partial<StreamsOptions>
  /** Topics that are created at start where they do not exist. Without: inputs must exist. */
  readonly topics?: readonly TopicSpec[]
}

export type ImportedApplication = {
  readonly config: Partial<StreamsOptions>
  readonly topics: readonly TopicSpec[]
  prepare(context: PrepareContext): Promise<unknown>
  build(prepared: unknown): Promise<LoadedApplication>
}

export type LoadedApplication = {
  readonly topology: Topology
  readonly config: Partial<StreamsOptions>
  readonly topics: readonly TopicSpec[]
}

/** Imports the module; TOPOLOGY_INVALID says what it lacks. */
export async function importApplication(location: string | URL): Promise<ImportedApplication> {
  const url =
    typeof location === 'string' && !location.startsWith('file:') ? pathToFileURL(location).href : String(location)
  let module: Partial<ApplicationModule>
  try {
    module = (await import(url)) as Partial<ApplicationModule>
  } catch (cause) {
    throw new StreamsError('TOPOLOGY_INVALID', `the module ${url} cannot be loaded: ${messageOf(cause)}`, { cause })
  }
  const { topology, prepare, config = {}, topics = [] } = module
  if (topology === undefined) {
    throw new StreamsError(
      'TOPOLOGY_INVALID',
      `the module ${url} exports no 'topology' (a topology, or a function that makes one); it exports: ${Object.keys(module).join(', ') || 'nothing'}`,
    )
  }
  const problem = problemOfExports(module)
  if (problem !== undefined) throw new StreamsError('TOPOLOGY_INVALID', `the module ${url}: ${problem}`)
  return {
    config,
    topics,
    prepare: async (context) => prepare?.(context),
    build: async (prepared) => ({ topology: await topologyOf(topology, prepared, url), config, topics }),
  }
}

/** What is exported under our names but is something else: found here, and not deep inside of what uses it. */
function problemOfExports({ topology, prepare, config, topics }: Partial<ApplicationModule>): string | undefined {
  if (typeof topology !== 'function' && !isTopology(topology))
    return "'topology' is neither what builder.build() gives nor a function that returns it"
  if (prepare !== undefined && typeof prepare !== 'function') return "'prepare' is no function"
  if (config !== undefined && (typeof config !== 'object' || config === null))
    return "'config' is no object of settings"
  if (topics === undefined) return undefined
  if (!Array.isArray(topics)) return "'topics' is no list of { name, partitions }"
  const wrong = topics.findIndex((each: Partial<TopicSpec> | null) => {
    const { name, partitions } = each ?? {}
    return typeof name !== 'string' || name === '' || !Number.isSafeInteger(partitions) || (partitions as number) < 1
  })
  return wrong < 0 ? undefined : `'topics' has at index ${wrong} no { name, partitions }`
}

/** By its shape: it may come from another copy of this library. */
function isTopology(value: unknown): value is Topology {
  if (typeof value !== 'object' || value === null) return false
  const { subTopologies, stores, describe } = value as Partial<Topology>
  return Array.isArray(subTopologies) && stores instanceof Map && typeof describe === 'function'
}

async function topologyOf(topology: ApplicationModule['topology'], prepared: unknown, url: string): Promise<Topology> {
  if (typeof topology !== 'function') return topology
  let built: unknown
  try {
    built = await topology(prepared)
  } catch (cause) {
    if (cause instanceof StreamsError) throw cause
    throw new StreamsError('TOPOLOGY_INVALID', `'topology' of the module ${url} failed: ${messageOf(cause)}`, { cause })
  }
  if (isTopology(built)) return built
  throw new StreamsError(
    'TOPOLOGY_INVALID',
    `'topology' of the module ${url} returns no topology: return builder.build()`,
  )
}

/** The application as far as it can be built without running anything. */
export async function loadApplication(location: string | URL): Promise<LoadedApplication> {
  return (await importApplication(location)).build(undefined)
}
