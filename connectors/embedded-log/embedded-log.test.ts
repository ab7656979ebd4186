import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { afterAll } from 'vitest'
import { type Disk, type Log, SILENT_LOGGER } from '#streams/ports'
import { logContract } from '../../streams/ports/log.contract.ts'
import { createLogClient, createLogOwner, createMemoryDisk, createNodeDisk, type LogOwner } from './index.ts'
import { nodeClock } from './node-clock.ts'

const SETTINGS = { fsyncIntervalMs: 0, maintenanceIntervalMs: 0 }

/** An owner that is opened at the first connection and closed after the suite. */
function lazyOwner(createDisk: () => Promise<Disk>, cleanUp: () => Promise<void> = async () => undefined) {
  let owner: Promise<LogOwner> | undefined
  afterAll(async () => {
    await (await owner)?.close()
    await cleanUp()
  })
  return (): Promise<LogOwner> => {
    owner ??= createDisk().then((disk) =>
      createLogOwner({ disk, clock: nodeClock, logger: SILENT_LOGGER, settings: SETTINGS }),
    )
    return owner
  }
}

async function connectThroughPort(owner: LogOwner): Promise<Log> {
  const { port1, port2 } = new MessageChannel()
  owner.serve(port1)
  return createLogClient(port2, nodeClock)
}

const inMemory = lazyOwner(async () => createMemoryDisk())
logContract('embedded log in memory, direct client,', {
  connect: async () => (await inMemory()).connect(),
  modelRuns: 60,
})

const inMemoryByPort = lazyOwner(async () => createMemoryDisk())
logContract('embedded log in memory, client through a port,', {
  connect: async () => connectThroughPort(await inMemoryByPort()),
})

let directory = ''
const onDisk = lazyOwner(
  async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'mto embedded log '))
    return createNodeDisk(directory)
  },
  () => rm(directory, { recursive: true, force: true }),
)
logContract('embedded log on a real disk', { connect: async () => (await onDisk()).connect(), modelRuns: 10 })
