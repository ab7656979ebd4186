import { openEmbeddedLog } from '#connectors/embedded-log'
import { type Log, SILENT_LOGGER } from '#streams/ports'

/** Opens the log of a data directory that no process has, does something and closes it. */
export async function withLog<T>(directory: string, action: (log: Log) => Promise<T>): Promise<T> {
  const owner = await openEmbeddedLog({ directory, logger: SILENT_LOGGER })
  const log = owner.connect()
  try {
    return await action(log)
  } finally {
    await log.close()
    await owner.close()
  }
}
