import type { Hono } from 'hono'
import { createTopicSerde, type RegisteredSchemas } from '#schemas'
import { messageOf, StreamsError } from '#streams/base'
import type { Clock, Logger, Serde } from '#streams/ports'
import { type AccessLog, AUDIT_TOPIC, createAccessLog } from './access/access-log.ts'
import type { Guard } from './access/guard.ts'
import { createSignIn, NO_SIGN_IN } from './access/sign-in.ts'
import type { User } from './access/tokens.ts'
import { type ApiApplication, valueSerdeOf } from './application.ts'
import { dashboardRoutes } from './dashboards/pages.ts'
import type { JsonSchema, SchemaComponents } from './http/json-schema.ts'
import { mountRoutes, newRouter } from './http/mount.ts'
import type { Route } from './http/route.ts'
import { allowHosts, LOCAL_HOSTS, refuseOtherSites, securityHeaders } from './http/security.ts'
import { createFlagFeed, type FlagFeed } from './live/flag-feed.ts'
import { countRefusals } from './live/refusal-counts.ts'
import { startMonitor } from './live/system-monitor.ts'
import { createApiMetrics } from './metrics/prometheus.ts'
import { openApiDocument } from './openapi/document.ts'
import { flagView } from './queries/flags.ts'
import { createSaccoContext, type SaccoContext } from './queries/sacco-context.ts'
import { STORES } from './queries/stored.ts'
import { ACCESS_LOG_SCHEMAS, accessLogRoutes } from './routes/access-log.ts'
import { DEAD_LETTER_SCHEMAS, deadLetterRoutes } from './routes/dead-letters.ts'
import { flagRoutes } from './routes/flags.ts'
import { liveRoutes } from './routes/live.ts'
import { loanRoutes } from './routes/loans.ts'
import { memberRoutes } from './routes/members.ts'
import { REVIEW_SCHEMAS, reviewRoutes } from './routes/reviews.ts'
import { SACCO_SCHEMAS } from './routes/sacco-schemas.ts'
import { SESSION_SCHEMAS, sessionRoutes } from './routes/session.ts'
import { STORE_SCHEMAS, storeRoutes } from './routes/stores.ts'
import { SYSTEM_SCHEMAS, systemRoutes } from './routes/system.ts'
import { TOPOLOGY_SCHEMAS, topologyRoutes } from './routes/topology.ts'
import { createEventWriter, type EventWriter } from './writes/event-writer.ts'

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
  /**
   * Who may sign in. Absent: nobody has to, and everybody who reaches the server may do everything, so it must be for
   * this machine only, or behind something that checks.
   */
  readonly users?: readonly User[]
  /** What events are written with. Needed for `users` where there are members: the access log is made of events. */
  readonly schemas?: RegisteredSchemas
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
  Access: 'Signing in, and who saw whose data.',
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
  ...REVIEW_SCHEMAS,
  ...SESSION_SCHEMAS,
  ...ACCESS_LOG_SCHEMAS,
  FraudFlagAnswer: withFreshness(SACCO_SCHEMAS.FraudFlag),
  LoanAnswer: withFreshness(SACCO_SCHEMAS.Loan),
}

/** Reads of a running application, and reviews of its flags. Start it once the application is ready, close it before the application stops. */
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
  const refusals = await countRefusals({
    ...{ application, log: application.log, clock, logger },
    deadLetterTopics: topics.deadLetter,
    lateTopics: topics.late,
  })
  const writing = openWriting(options, context)
  const guard: Guard = {
    signIn: options.users === undefined ? NO_SIGN_IN : createSignIn(options.users, clock),
    accessLog: writing.accessLog,
    components: COMPONENTS,
  }
  const liveClients = new Map<string, number>()
  const metrics = createApiMetrics({
    monitor,
    liveClients: () => Object.fromEntries(liveClients),
    refusals: refusals.read,
    ...(options.registryRequests === undefined ? {} : { registryRequests: options.registryRequests }),
  })
  const routes: Route[] = [
    ...memberRoutes(application, applicationId, context),
    ...flagRoutes(context),
    ...reviewRoutes(context, writing.reviews, clock),
    ...loanRoutes(context),
    ...liveRoutes({ clock, monitor, flags, clients: liveClients, guard }),
    ...storeRoutes(application, context.reader),
    ...topologyRoutes(application, applicationId),
    ...deadLetterRoutes(application, context.reader, topics, refusals),
    ...systemRoutes({
      ...{ application, applicationId, clock, monitor, metrics },
      registryIsHealthy: options.registryIsHealthy,
    }),
  ]
  routes.push(...sessionRoutes(guard.signIn), ...accessLogRoutes(application, options.schemas))
  const openApi = openApiDocument(routes, COMPONENTS, TAGS)
  const app = newRouter(logger)
  app.use(securityHeaders())
  app.use(allowHosts(options.hosts ?? LOCAL_HOSTS))
  app.use(refuseOtherSites())
  mountRoutes(app, routes, {
    application,
    logger,
    guard,
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
      await Promise.all([monitor.close(), context.close(), refusals.close(), writing.close()])
    },
  }
}

type Writing = {
  readonly reviews: EventWriter | undefined
  readonly accessLog: AccessLog | undefined
  close(): Promise<void>
}

/** Reviews are written as the topology reads them; the access log needs schemas, since no topology reads it. */
function openWriting(options: ApiOptions, { reader }: SaccoContext): Writing {
  const { application, applicationId, clock, logger, users, schemas, flagTopic = DEFAULT_FLAG_TOPIC } = options
  const common = { log: application.log, logger, nowMs: () => clock.wallClockMs() }
  const serde = reader.has(STORES.fraudFlagReviews) ? valueSerdeOf(application.topology, flagTopic) : undefined
  const reviews =
    serde === undefined
      ? undefined
      : createEventWriter({ ...common, clientId: `${applicationId}-api-reviews`, serdes: { [flagTopic]: serde } })
  if (users === undefined || !reader.has(STORES.members)) {
    return { reviews, accessLog: undefined, close: async () => reviews?.close() }
  }
  if (schemas === undefined) {
    throw new StreamsError(
      'CONFIG_INVALID',
      'with `users`, give `schemas` too: accesses to members are recorded as events',
    )
  }
  const auditSerde = createTopicSerde(AUDIT_TOPIC, schemas) as unknown as Serde<unknown>
  const writer = createEventWriter({
    ...common,
    clientId: `${applicationId}-api-access`,
    serdes: { [AUDIT_TOPIC]: auditSerde },
  })
  return {
    reviews,
    accessLog: createAccessLog({ log: application.log, clock, writer, schemas }),
    close: async () => {
      await Promise.all([reviews?.close(), writer.close()])
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
