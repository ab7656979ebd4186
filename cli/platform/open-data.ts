import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { type EmbeddedLog, openEmbeddedLog } from '#connectors/embedded-log'
import type { RegisteredSchemas } from '#schemas'
import type { Topology } from '#streams'
import { StreamsError } from '#streams/base'
import type { Log, Logger } from '#streams/ports'
import { openRegistry, schemasOf, topology } from './sacco-module.ts'

/** A data directory that is looked at, with nothing running on it. */
export type OpenData = {
  readonly log: Log
  readonly owner: EmbeddedLog
  readonly schemas: RegisteredSchemas
  readonly topology: Topology
  close(): Promise<void>
}

/** DIRECTORY_LOCKED while another process runs on it; CONFIG_INVALID where there is nothing to look at. */
export async function openData(directory: string, logger: Logger): Promise<OpenData> {
  const logDirectory = join(directory, 'log')
  await access(logDirectory).catch(() => {
    throw new StreamsError(
      'CONFIG_INVALID',
      `there is no data in ${directory}: name the directory of mto demo or mto load with --data (environment: MTO_DATA_DIR)`,
    )
  })
  const owner = await openEmbeddedLog({ directory: logDirectory, logger })
  try {
    const log = owner.connect()
    const { registry, prepared } = await openRegistry(log)
    return {
      log,
      owner,
      schemas: schemasOf(prepared),
      topology: (await topology(prepared)) as Topology,
      close: async () => {
        await registry.close()
        await log.close()
        await owner.close()
      },
    }
  } catch (error) {
    await owner.close()
    throw error
  }
}
