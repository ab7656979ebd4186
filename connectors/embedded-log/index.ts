/**
 * A durable, partitioned log inside the process: the `Log` port without a broker. The owner (one per directory) lives
 * in one thread; clients encode and decode records in their own threads and hand whole batches over. See
 * docs/adr/0002-embedded-log.md.
 *
 * Not in here: consensus, replication, group membership. For those there is Kafka.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Clock, Log, Logger } from '#streams/ports'
import { createLog } from './client.ts'
import { createPortTransport } from './message-port.ts'
import { nodeClock } from './node-clock.ts'
import { createNodeDisk } from './node-disk.ts'
import { createLogOwner, type LogOwner, type LogOwnerSettings } from './owner.ts'

export { createFaultyDisk, type DiskFault, type DiskOperation } from './faulty-disk.ts'
export { type CrashMode, createMemoryDisk, type MemoryDisk } from './memory-disk.ts'
export { createNodeDisk } from './node-disk.ts'
export {
  createLogOwner,
  LOG_OWNER_DEFAULTS,
  type LogOwner,
  type LogOwnerOptions,
  type LogOwnerSettings,
  type LogOwnerStats,
} from './owner.ts'

export type EmbeddedLogOptions = Partial<LogOwnerSettings> & {
  readonly directory: string
  readonly logger: Logger
}

export type EmbeddedLog = LogOwner & {
  /** A port for `createLogClient` in another thread; it is to be transferred there. */
  port(): MessagePort
}

/** Opens the log in a directory of this machine, creating it if there is none. See `createLogOwner`. */
export async function openEmbeddedLog({ directory, logger, ...settings }: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const owner = await createLogOwner({ disk: createNodeDisk(directory), clock: nodeClock, logger, settings })
  return {
    ...owner,
    port() {
      const { port1, port2 } = new MessageChannel()
      owner.serve(port1)
      return port2
    },
  }
}

/** The log for a thread that does not own it. The port comes from `EmbeddedLog.port` or went to `LogOwner.serve`. */
export function createLogClient(port: MessagePort, clock: Clock = nodeClock): Log {
  return createLog(createPortTransport(port), clock)
}
