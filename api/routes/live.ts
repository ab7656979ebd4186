import type { Clock } from '#streams/ports'
import { type Guard, maskForCaller, recordAccess } from '../access/guard.ts'
import { type Asking, isAllowed } from '../access/roles.ts'
import { ref, string } from '../http/json-schema.ts'
import { optionalText } from '../http/parameters.ts'
import { ApiProblem } from '../http/problem.ts'
import { type Answer, type Route, response, route } from '../http/route.ts'
import { type LiveClient, type LiveEvent, liveResponse } from '../live/event-stream.ts'
import type { FlagFeed } from '../live/flag-feed.ts'
import type { SystemMonitor, SystemSnapshot } from '../live/system-monitor.ts'

const tag = 'Live'
/** Of each feed: a browser holds one connection for each open page. */
const CLIENTS_MAX = 200

const lastEventId = optionalText(
  'Goes on behind this event, for clients that cannot set the header `Last-Event-ID`.',
  1_000,
)
const content = { 'text/event-stream': string('Events with `id`, `event` and JSON `data`; comments as heartbeats.') }

export type LiveParts = {
  readonly clock: Clock
  readonly monitor: SystemMonitor
  readonly flags: FlagFeed | undefined
  readonly clients: Map<string, number>
  readonly guard: Guard
}

export function liveRoutes(parts: LiveParts): readonly Route[] {
  return [flagsRoute(parts), metricsRoute(parts)]
}

type FeedOptions = {
  readonly parts: LiveParts
  readonly name: string
  readonly join: (client: LiveClient) => void | Promise<void>
  readonly leave: (client: LiveClient | undefined) => void
}

function serve({ parts: { clock, clients }, name, join, leave }: FeedOptions): Answer {
  const count = clients.get(name) ?? 0
  if (count >= CLIENTS_MAX) throw new ApiProblem('too-many-clients', `${CLIENTS_MAX} clients follow this feed already.`)
  clients.set(name, count + 1)
  let joined: LiveClient | undefined
  return response(
    liveResponse({
      clock,
      onOpen: (client) => {
        joined = client
        return join(client)
      },
      onClose: () => {
        clients.set(name, (clients.get(name) ?? 1) - 1)
        leave(joined)
      },
    }),
  )
}

function flagsRoute(parts: LiveParts): Route {
  return route({
    path: '/v1/live/fraud-flags',
    operation: 'followFraudFlags',
    right: 'members',
    tag,
    summary: 'Fraud flags as they are raised, as server-sent events',
    description:
      'Events `flag` (data: a FraudFlag), `review` when somebody has worked on one (data: `flagId`, `by`, `eventId`), `hello` at the start, `gap` when too much was missed, `cut-off` with a reason ' +
      'before the server ends a stream, for example because the client reads too slowly. Ids are positions of the log: ' +
      'a client that comes back with `Last-Event-ID` misses nothing.',
    pathParameters: {},
    queryParameters: { lastEventId },
    answer: { description: 'A stream of events.', content },
    handle: ({ request, query, caller }) => {
      const { flags, guard } = parts
      if (flags === undefined) {
        throw new ApiProblem('not-offered', 'The application that runs here raises no fraud flags.')
      }
      let guarded: LiveClient | undefined
      return serve({
        parts,
        name: 'fraud-flags',
        join: (client) => {
          guarded = guardClient(client, guard, caller, request)
          return flags.join(guarded, request.headers.get('last-event-id') ?? query.lastEventId)
        },
        leave: () => {
          if (guarded !== undefined) flags.leave(guarded)
        },
      })
    },
  })
}

/** Flags of one client whose access is not recorded yet. */
const WAITING_MAX = 1_000
const FLAGS_ROUTE = { right: 'members', operation: 'followFraudFlags', path: '/v1/live/fraud-flags' } as const

/** Each flag is recorded as seen by the caller before it is sent, and sent as the caller may see it. */
function guardClient(client: LiveClient, guard: Guard, caller: Asking, request: Request): LiveClient {
  if (!guard.signIn.isNeeded) return client
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  const sendGuarded = async (event: LiveEvent): Promise<void> => {
    if (client.closed) return
    // A stream may outlive the session, or the token, that it was opened with.
    if (!isAllowed(guard.signIn.callerOf(request), FLAGS_ROUTE.right)) return client.end('nobody is signed in any more')
    if (event.event === 'flag') await recordAccess(guard, FLAGS_ROUTE, caller, event.data, {})
    const data = event.event === 'flag' ? maskForCaller(guard, ref('FraudFlag'), caller, event.data) : event.data
    client.send({ ...event, data })
  }
  return {
    send: (event) => {
      if (waiting >= WAITING_MAX) {
        client.end('too slow: accesses cannot be recorded as fast as flags come')
        return
      }
      waiting++
      last = last
        .then(() => sendGuarded(event))
        .catch(() => client.end('accesses cannot be recorded right now'))
        .finally(() => waiting--)
    },
    end: (reason) => client.end(reason),
    get closed() {
      return client.closed
    },
  }
}

function metricsRoute(parts: LiveParts): Route {
  return route({
    path: '/v1/live/metrics',
    operation: 'followMetrics',
    right: 'platform',
    tag,
    summary: 'Throughput, latency, lag and dead letters once a second, as server-sent events',
    description:
      'Events `snapshot` (data: a SystemSnapshot). Ids are times: what is missed is sent again for five minutes.',
    pathParameters: {},
    queryParameters: { lastEventId },
    answer: { description: 'A stream of events.', content },
    answersAlways: true,
    handle: ({ request, query }) => {
      let stop = (): void => {}
      const last = request.headers.get('last-event-id') ?? query.lastEventId
      return serve({
        parts,
        name: 'metrics',
        join: (client) => {
          const send = (snapshot: SystemSnapshot): void =>
            client.send({ id: String(Date.parse(snapshot.at)), event: 'snapshot', data: snapshot })
          for (const snapshot of missed(parts.monitor, last)) send(snapshot)
          stop = parts.monitor.watch(send)
        },
        leave: () => stop(),
      })
    },
  })
}

/** Without an id only the newest one: the page loads the history by itself. */
function missed({ history }: SystemMonitor, last: string | undefined): readonly SystemSnapshot[] {
  if (last === undefined || !/^\d+$/.test(last)) return history.slice(-1)
  return history.filter(({ at }) => Date.parse(at) > Number(last))
}
