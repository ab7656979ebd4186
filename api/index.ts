/**
 * The query API and the dashboards: the read side of a running application, over HTTP. Routes are data, from which the
 * router, the validation and the OpenAPI document are made. Nothing in here writes to a store or decides a business
 * rule; what topologies keep is read through queries, changelogs and topics. What analysts do with flags, and who saw
 * whose data, is appended to the log as events.
 */
export { type AuditEntry, problemsOfAuditTrail } from './access/access-log.ts'
export { ROLES, type Role } from './access/roles.ts'
export { createToken, hashOfToken, parseUsers, type User } from './access/tokens.ts'
export type { ApiApplication } from './application.ts'
export { type Api, type ApiOptions, createApi } from './create-api.ts'
export type { SystemSnapshot } from './live/system-monitor.ts'
export { type ApiServer, type ApiServerOptions, startApiServer } from './start-server.ts'
