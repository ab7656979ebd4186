import { type ApiServer, createApi, startApiServer } from '#api'
import { type KafkaApplication, nodeClock } from '#host'
import type { RegisteredSchemas } from '#schemas'
import type { Logger } from '#streams/ports'
import { SACCO_STORES } from '#topologies/sacco'
import { type Access, apiAccess } from '../access.ts'
import { openRegistry, schemasOf } from './sacco-module.ts'

export type ServeOptions = {
  readonly application: KafkaApplication
  readonly applicationId: string
  readonly port: number
  readonly access: Access
  readonly logger: Logger
}

/** Query API and pages beside an application that runs already, on whatever log: `ready` must have resolved. */
export async function serveApi({ application, applicationId, port, access, logger }: ServeOptions): Promise<ApiServer> {
  const schemas = await saccoSchemas(application)
  const api = await createApi({
    ...{ application, applicationId, clock: nodeClock, logger },
    ...(schemas === undefined ? {} : { schemas }),
    ...apiAccess(access),
  })
  try {
    return await startApiServer({ api, port, hostname: access.hostname })
  } catch (error) {
    await api.close()
    throw error
  }
}

/** Where there are members, accesses to them are events: those need the registry's ids. Others need none. */
async function saccoSchemas({ topology, log }: KafkaApplication): Promise<RegisteredSchemas | undefined> {
  if (!topology.stores.has(SACCO_STORES.members.name)) return undefined
  const { registry, prepared } = await openRegistry(log)
  await registry.close()
  return schemasOf(prepared)
}
