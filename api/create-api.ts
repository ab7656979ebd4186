import type { Hono } from 'hono'
import { messageOf } from '#streams/base'
import type { Clock, Logger } from '#streams/ports'
import { type ApiApplication, valueSerdeOf } from './application.ts'
import { dashboardRoutes } from './dashboards/pages.ts'
import type { JsonSchema, SchemaComponents } from './http/json-schema.ts'
import { mountRoutes, newRouter } from './http/mount.ts'
import type { Route } from './http/route.ts'
import { allowHosts, LOCAL_HOSTS, securityHeaders } from './http/security.ts'
import { createFlagFeed, type FlagFeed } from './live/flag-feed.ts'
import { startMonitor } from './live/system-monitor.ts'
import { createApiMetrics } from './metrics/prometheus.ts'
import { openApiDocument } from './openapi/document.ts'
import { flagView } from './queries/flags.ts'
import { createSaccoContext, type SaccoContext } from './queries/sacco-context.ts'
import { DEAD_LETTER_SCHEMAS, deadLetterRoutes } from './routes/dead-letters.ts'
import { flagRoutes } from './routes/flags.ts'
import { liveRoutes } from './routes/live.ts'
import { loanRoutes } from './routes/loans.ts'
import { memberRoutes } from './routes/members.ts'
import { SACCO_SCHEMAS } from './routes/sacco-schemas.ts'
import { STORE_SCHEMAS, storeRoutes } from './routes/stores.ts'
import { SYSTEM_SCHEMAS, systemRoutes } from './routes/system.ts'
import { TOPOLOGY_SCHEMAS, topologyRoutes } from './routes/topology.ts'

export type ApiOptions = {
  readonly application: ApiApplication
  /** Names the consumer group and the internal topics. */
  readonly applicationId: string
  readonly clock: Clock
  readonly logger: Logger
  /** Host names that requests may be for; by default those of this machine only. `any` behind a proxy that checks. */
  readonly hosts?: readonly string[] | 'any'
  readonly deadLetterTopics?: readonly string[]
  readonly lateTopics?: readonly string[]
  /** Where flags are published. */
  readonly flagTopic?: string
  /** Requests that an embedded schema registry has answered, for the metrics. */
  readonly registryRequests?: () => number
  /** Whether it answers, for the health checks. */
  readonly registryIsHealthy?: () => boolean
}

export type Api = {
  /** Answers web-standard requests: a server or a test calls it. */
  fetch(request: Request): Response | Promise<Response>
  readonly routes: readonly Route[]
  readonly openApi: object
  /** Ends live streams and readers of the log; the application goes on. */
  close(): Promise<void>
}

const TAGS = {
  Members: 'Members with their balances, movements, risk and events.',
  Fraud: 'Fraud flags and the rules that raise them.',
  Loans: 'Loans and the portfolio.',
  Live: 'Server-sent events.',
  Stores: 'Any state store of the application, by its name.',
  System: 'Health, metrics, topology, dead letters.',
} as const

const DEFAULT_DEAD_LETTER_TOPICS = ['sacco.dead-letters']
const DEFAULT_LATE_TOPICS = ['sacco.late.events']
const DEFAULT_FLAG_TOPIC = 'sacco.analytics.events'

export const COMPONENTS: SchemaComponents = {
  ...STORE_SCHEMAS,
  ...TOPOLOGY_SCHEMAS,
  ...SYSTEM_SCHEMAS,
  ...DEAD_LETTER_SCHEMAS,
  ...SACCO_SCHEMAS,
  FraudFlagAnswer: withFreshness(SACCO_SCHEMAS.FraudFlag),
  LoanAnswer: withFreshness(SACCO_SCHEMAS.Loan),
}

/** The read side of a running application. Start it once the application is ready, close it before the application stops. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { application, applicationId, clock, logger } = options
  const topics = {
    deadLetter: options.deadLetterTopics ?? DEFAULT_DEAD_LETTER_TOPICS,
    late: options.lateTopics ?? DEFAULT_LATE_TOPICS,
  }
  const context = await createSaccoContext({ application, applicationId, clock, logger })
  const monitor = await startMonitor({
    ...{ application, applicationId, clock, logger },
    deadLetterTopics: topics.deadLetter,
    lateTopics: topics.late,
  })
  const flags = await openFlagFeed(options, context)
  const liveClients = new Map<string, number>()
  const metrics = createApiMetrics({
    monitor,
    liveClients: () => Object.fromEntries(liveClients),
    ...(options.registryRequests === undefined ? {} : { registryRequests: options.registryRequests }),
  })
  const routes: readonly Route[] = [
    ...memberRoutes(application, applicationId, context),
    ...flagRoutes(context),
    ...loanRoutes(context),
    ...liveRoutes({ clock, monitor, flags, clients: liveClients }),
    ...storeRoutes(application, context.reader),
    ...topologyRoutes(application, applicationId),
    ...deadLetterRoutes(application, context.reader, topics),
    ...systemRoutes({
      ...{ application, applicationId, clock, monitor, metrics },
      registryIsHealthy: options.registryIsHealthy,
    }),
  ]
  const openApi = openApiDocument(routes, COMPONENTS, TAGS)
  const app = newRouter(logger)
  app.use(securityHeaders())
  app.use(allowHosts(options.hosts ?? LOCAL_HOSTS))
  mountRoutes(app, routes, {
    application,
    logger,
    monotonicMs: () => clock.monotonicMs(),
    onAnswered: metrics.answered,
  })
  app.get('/openapi.json', (response) => response.json(openApi))
  dashboardRoutes(app, applicationId)
  return {
    fetch: (request) => fetchSafely(app, request, logger),
    routes,
    openApi,
    close: async () => {
      await flags?.close()
      await Promise.all([monitor.close(), context.close()])
    },
  }
}

/** The router turns errors into problems; this is for those of the router itself, such as a path that is no URL. */
async function fetchSafely(app: Hono, request: Request, logger: Logger): Promise<Response> {
  try {
    return await app.fetch(request)
  } catch (error) {
    logger.error('the router failed', { error: messageOf(error) })
    return new Response(null, { status: 500 })
  }
}

async function openFlagFeed(options: ApiOptions, context: SaccoContext): Promise<FlagFeed | undefined> {
  const { application, clock, logger, flagTopic = DEFAULT_FLAG_TOPIC } = options
  const serde = valueSerdeOf(application.topology, flagTopic)
  if (serde === undefined) return undefined
  const described = await application.log.admin.describeTopics([flagTopic])
  if (!described.has(flagTopic)) return undefined
  return createFlagFeed({
    log: application.log,
    clock,
    logger,
    topic: flagTopic,
    serde,
    toData: ({ data }) => flagView(data, context.names),
  })
}

function withFreshness(schema: JsonSchema): JsonSchema {
  if (!('type' in schema) || schema.type !== 'object') return schema
  return {
    ...schema,
    properties: { ...schema.properties, freshness: STORE_SCHEMAS.Freshness },
    required: [...(schema.required ?? []), 'freshness'],
  }
}
