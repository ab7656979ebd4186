import { join } from 'node:path'
import { openEmbeddedLog } from '#connectors/embedded-log'
import { hasCode } from '#streams/base'
import type { Log, Logger } from '#streams/ports'
import { connectLogSocket, serveLogSocket } from './log-socket.ts'
import { nodeClock } from './node-clock.ts'

/** The embedded log of a data directory, whoever owns it. */
export type DataLog = {
  readonly log: Log
  /** The process that has the directory, where it is another one. */
  readonly ownerProcess: number | undefined
  /** Resolves when the process that has the directory has ended, or given it up. Never where that is this one. */
  readonly ownerGone: Promise<void>
  close(): Promise<void>
}

export type DataLogOptions = {
  readonly dataDirectory: string
  readonly logger: Logger
  /** How long an owner that is just starting or ending is waited for. */
  readonly waitMs?: number
}

const WAIT_MS = 10_000
const PAUSE_MS = 100

/**
 * Opens the log where nobody has it, and reaches it through the process that runs on it otherwise. Meanwhile others
 * reach it through this process. DIRECTORY_LOCKED: its owner gives no access (`mto verify`, another user's process).
 */
export async function openDataLog({ dataDirectory, logger, waitMs = WAIT_MS }: DataLogOptions): Promise<DataLog> {
  const endMs = nodeClock.monotonicMs() + waitMs
  for (;;) {
    const remote = await connectDataLog(dataDirectory)
    if (remote !== undefined) return remote
    try {
      return await own(dataDirectory, logger)
    } catch (error) {
      if (!hasCode(error, 'DIRECTORY_LOCKED') || nodeClock.monotonicMs() >= endMs) throw error
    }
    await nodeClock.sleep(PAUSE_MS)
  }
}

/** The log of a directory that another process has; undefined where none does, or none that gives access. */
export async function connectDataLog(dataDirectory: string): Promise<DataLog | undefined> {
  const remote = await connectLogSocket(dataDirectory)
  if (remote === undefined) return undefined
  const { log, ownerProcess, closed } = remote
  return { log, ownerProcess, ownerGone: closed, close: () => log.close() }
}

async function own(dataDirectory: string, logger: Logger): Promise<DataLog> {
  const owner = await openEmbeddedLog({ directory: join(dataDirectory, 'log'), logger })
  const socket = await serveLogSocket({ dataDirectory, port: owner.port, logger })
  const log = owner.connect()
  return {
    log,
    ownerProcess: undefined,
    ownerGone: new Promise(() => {}),
    async close() {
      await socket.close()
      await log.close()
      await owner.close()
    },
  }
}
