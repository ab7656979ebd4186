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
  return {
    config,
    topics,
    prepare: async (context) => prepare?.(context),
    build: async (prepared) => ({
      topology: typeof topology === 'function' ? await topology(prepared) : topology,
      config,
      topics,
    }),
  }
}

/** The application as far as it can be built without running anything. */
export async function loadApplication(location: string | URL): Promise<LoadedApplication> {
  return (await importApplication(location)).build(undefined)
}
