import type { Clock } from '#streams/ports'
import { type ApiApplication, inputTopicsOf } from '../application.ts'
import {
  array,
  boolean,
  dateTime,
  integer,
  nullable,
  number,
  object,
  oneOf,
  partial,
  string,
} from '../http/json-schema.ts'
import { json, type Route, response, route } from '../http/route.ts'
import type { SystemMonitor } from '../live/system-monitor.ts'
import type { ApiMetrics } from '../metrics/prometheus.ts'

export const SYSTEM_SCHEMAS = {
  Health: object({
    status: oneOf(['ok', 'failed'], 'Failed only when a restart is the remedy.'),
    state: string('State of the application.'),
    checks: partial(
      {
        kafka_brokers: boolean('The log answered within the last seconds.'),
        consumer_groups: boolean('No event has been waiting for more than 30 seconds.'),
        topic_health: boolean('Every topic that the application reads exists.'),
        schema_registry: boolean('The schema registry of this process answers.'),
      },
      ['schema_registry'],
      'For people and alerts: they do not change the status.',
    ),
  }),
  Readiness: object({ ready: { type: 'boolean' }, state: string('State of the application.') }),
  SystemSnapshot: object({
    at: dateTime('When it was taken.'),
    state: string('State of the application.'),
    streamTime: nullable(dateTime('Newest event time that was processed.')),
    consumedPerSecond: number('Events of input topics processed and committed.'),
    producedPerSecond: number('Events appended to input topics.'),
    processedPerSecond: number('Records processed by all tasks, those of internal topics among them.'),
    appendedPerSecond: number('Records appended to all topics of the application.'),
    lagRecords: number('Records that are not committed yet.'),
    lagSeconds: number('How long the oldest of them has been waiting.'),
    latency: object(
      {
        p50Ms: nullable(number()),
        p95Ms: nullable(number()),
        p99Ms: nullable(number()),
        maxMs: nullable(number()),
        records: integer('Records of the last minute behind it.'),
      },
      'From an event being in the log to its effects being committed, over the last minute.',
    ),
    commitAverageMs: nullable(number()),
    commitsPerSecond: number(),
    deadLetters: integer('Records in the dead-letter topics.'),
    late: integer('Records in the topics for what came too late.'),
    topics: array(
      object({
        name: string(),
        role: oneOf(['input', 'internal', 'output']),
        partitions: integer(),
        records: integer('Records that the topic holds, roughly: offsets may have gaps.'),
        perSecond: number(),
        lagRecords: nullable(integer()),
      }),
    ),
    subTopologies: array(
      object({ id: integer(), tasks: integer(), processedPerSecond: number(), processed: integer() }),
    ),
  }),
}

/** What the requirement document allows. */
const LAG_SECONDS_MAX = 30
const SNAPSHOT_AGE_MAX_MS = 10_000

export type SystemParts = {
  readonly clock: Clock
  readonly applicationId: string
  readonly registryIsHealthy: (() => boolean) | undefined
  readonly application: ApiApplication
  readonly monitor: SystemMonitor
  readonly metrics: ApiMetrics
}

function checksOf({ application, applicationId, monitor, clock, registryIsHealthy }: SystemParts) {
  const { latest } = monitor
  const ageMs = latest === undefined ? Number.POSITIVE_INFINITY : clock.wallClockMs() - Date.parse(latest.at)
  const known = new Set(latest?.topics.map(({ name }) => name))
  return {
    kafka_brokers: ageMs <= SNAPSHOT_AGE_MAX_MS,
    consumer_groups: (latest?.lagSeconds ?? 0) <= LAG_SECONDS_MAX,
    topic_health: inputTopicsOf(application.topology, applicationId).every(({ name }) => known.has(name)),
    ...(registryIsHealthy === undefined ? {} : { schema_registry: registryIsHealthy() }),
  }
}

export function systemRoutes(parts: SystemParts): readonly Route[] {
  const { application, monitor, metrics } = parts
  return [
    route({
      path: '/healthz',
      operation: 'health',
      right: 'open',
      tag: 'System',
      summary: 'Whether the process is alive and its application has not failed',
      pathParameters: {},
      queryParameters: {},
      answer: { description: 'Alive.', content: { 'application/json': { $ref: '#/components/schemas/Health' } } },
      answersAlways: true,
      handle: () => {
        const failed = application.state === 'failed'
        const body = { status: failed ? 'failed' : 'ok', state: application.state, checks: checksOf(parts) }
        return { kind: 'json', body, status: failed ? 503 : 200 }
      },
    }),
    route({
      path: '/readyz',
      operation: 'readiness',
      right: 'open',
      tag: 'System',
      summary: 'Whether queries are answered: 503 with Retry-After while state is being restored',
      pathParameters: {},
      queryParameters: {},
      answer: { description: 'Ready.', content: { 'application/json': { $ref: '#/components/schemas/Readiness' } } },
      handle: () => json({ ready: true, state: application.state }),
    }),
    route({
      path: '/metrics',
      operation: 'metrics',
      right: 'platform',
      tag: 'System',
      summary: 'Metrics for Prometheus',
      pathParameters: {},
      queryParameters: {},
      answer: { description: "Prometheus' text format.", content: { 'text/plain': string() } },
      answersAlways: true,
      handle: async () =>
        response(new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } })),
    }),
    route({
      path: '/v1/system',
      operation: 'readSystem',
      right: 'platform',
      tag: 'System',
      summary: 'Throughput, latency, lag, dead letters: the last seconds',
      pathParameters: {},
      queryParameters: {},
      answer: {
        description: 'The newest snapshot and those of the last minutes, the oldest first.',
        content: {
          'application/json': object({
            now: nullable({ $ref: '#/components/schemas/SystemSnapshot' }),
            history: array(
              object({
                at: dateTime('When.'),
                consumedPerSecond: number(),
                producedPerSecond: number(),
                lagRecords: number(),
                p50Ms: nullable(number()),
                p95Ms: nullable(number()),
                p99Ms: nullable(number()),
              }),
            ),
          }),
        },
      },
      answersAlways: true,
      handle: () =>
        json({
          now: monitor.latest ?? null,
          history: monitor.history.map(({ at, consumedPerSecond, producedPerSecond, lagRecords, latency }) => ({
            at,
            consumedPerSecond,
            producedPerSecond,
            lagRecords,
            p50Ms: latency.p50Ms,
            p95Ms: latency.p95Ms,
            p99Ms: latency.p99Ms,
          })),
        }),
    }),
  ]
}
