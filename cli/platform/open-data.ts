import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { openEmbeddedLog } from '#connectors/embedded-log'
import { createKafkaLog, type KafkaOptions } from '#connectors/kafka'
import type { RegisteredSchemas } from '#schemas'
import type { Topology } from '#streams'
import { StreamsError } from '#streams/base'
import type { Log, Logger } from '#streams/ports'
import { openRegistry, schemasOf, topology } from './sacco-module.ts'

/** A data directory that is looked at, with nothing running on it. */
export type OpenData = {
  readonly log: Log
  /** True where transactions take offsets of their own, so that a gap between records means nothing. */
  readonly hasMarkers: boolean
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
  return openOn(owner.connect(), false, () => owner.close())
}

/** What a SACCO has on Kafka, looked at from here. */
export async function openKafkaData(kafka: Omit<KafkaOptions, 'clientId'>): Promise<OpenData> {
  return openOn(await createKafkaLog({ ...kafka, clientId: 'mto-verify' }), true, async () => {})
}

async function openOn(log: Log, hasMarkers: boolean, closeOwner: () => Promise<void>): Promise<OpenData> {
  const close = async (): Promise<void> => {
    await log.close()
    await closeOwner()
  }
  try {
    const { registry, prepared } = await openRegistry(log)
    return {
      log,
      hasMarkers,
      schemas: schemasOf(prepared),
      topology: (await topology(prepared)) as Topology,
      close: async () => {
        await registry.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
