import { pathToFileURL } from 'node:url'
import type { Topology } from '#streams'
import { messageOf, StreamsError } from '#streams/base'
import type { TopicSpec } from '#streams/ports'
import type { StreamsOptions } from '#streams/runtime'

/**
 * What a module that Mto runs exports. Each stream thread imports it and builds its own topology: functions cannot
 * cross threads.
 */
export type ApplicationModule = {
  readonly topology: Topology | (() => Topology | Promise<Topology>)
  /** Settings that belong to the application, such as exception handlers. What `run` is given wins over them. */
  readonly config?: Partial<StreamsOptions>
  /** Topics that are created at start where they do not exist. Without: inputs must exist. */
  readonly topics?: readonly TopicSpec[]
}

export type LoadedApplication = {
  readonly topology: Topology
  readonly config: Partial<StreamsOptions>
  readonly topics: readonly TopicSpec[]
}

/** Imports the module; TOPOLOGY_INVALID says what it lacks. */
export async function loadApplication(location: string | URL): Promise<LoadedApplication> {
  const url =
    typeof location === 'string' && !location.startsWith('file:') ? pathToFileURL(location).href : String(location)
  let module: Partial<ApplicationModule>
  try {
    module = (await import(url)) as Partial<ApplicationModule>
  } catch (cause) {
    throw new StreamsError('TOPOLOGY_INVALID', `the module ${url} cannot be loaded: ${messageOf(cause)}`, { cause })
  }
  const { topology, config = {}, topics = [] } = module
  if (topology === undefined) {
    throw new StreamsError(
      'TOPOLOGY_INVALID',
      `the module ${url} exports no 'topology' (a topology, or a function that makes one); it exports: ${Object.keys(module).join(', ') || 'nothing'}`,
    )
  }
  return { topology: typeof topology === 'function' ? await topology() : topology, config, topics }
}
