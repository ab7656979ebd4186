import { randomUUID } from 'node:crypto'
import { createEvent, type EventDataOf, eventId, ID_LENGTH_MAX } from '#schemas'
import type { Clock } from '#streams/ports'
import { type CLOSED_STATUSES, REVIEW_ACTIONS, type ReviewAction } from '#topologies/sacco'
import { boolean, integer, object, oneOf, partial, string } from '../http/json-schema.ts'
import { pathText } from '../http/parameters.ts'
import { ApiProblem, badParameters, notFound } from '../http/problem.ts'
import { type Route, route } from '../http/route.ts'
import { need, type SaccoContext } from '../queries/sacco-context.ts'
import { STORES, type StoredFlag } from '../queries/stored.ts'
import type { EventWriter } from '../writes/event-writer.ts'

export const REVIEW_SCHEMAS = {
  ReviewRequest: partial(
    {
      action: oneOf(REVIEW_ACTIONS, 'What is done. `close` needs an `outcome`; all but `take` need a `note`.'),
      outcome: oneOf(['confirmed', 'false_positive', 'reported'], 'How it ended, for `close` only.'),
      note: { type: 'string', maxLength: 2_000, description: 'Why, in words.' },
      eventId: {
        type: 'string',
        pattern: `^[\\x21-\\x7e]{1,${ID_LENGTH_MAX}}$`,
        description: 'Id of the event, chosen by the client: sent again, it counts once. Absent: a new one.',
      },
      by: {
        type: 'string',
        pattern: `^[\\x21-\\x7e]{1,${ID_LENGTH_MAX}}$`,
        description: 'Staff id of who does it; only where nobody signs in, else it is who has signed in.',
      },
    },
    ['outcome', 'note', 'eventId', 'by'],
  ),
  ReviewAccepted: object({
    eventId: string('The event that was appended.'),
    flagId: string(),
    position: object({ topic: string(), partition: integer(), offset: integer() }, 'Where it is in the log.'),
    accepted: boolean('True: it is durable. What it changed, the flag says once its position is beyond this one.'),
  }),
}

type ReviewRequest = {
  readonly action: ReviewAction
  readonly outcome?: 'confirmed' | 'false_positive' | 'reported'
  readonly note?: string
  readonly eventId?: string
  readonly by?: string
}

/** Where the work should stand afterwards, for readers of the event that know no actions. */
const STATUS_OF = { take: 'taken', escalate: 'escalated', release: 'open', reopen: 'open', note: 'unknown' } as const
const SOURCE = 'mto-api'

export function reviewRoutes(context: SaccoContext, writer: EventWriter | undefined, clock: Clock): readonly Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/fraud-flags/{flag}/reviews',
      operation: 'reviewFraudFlag',
      right: 'reviews',
      tag: 'Fraud',
      summary: 'Takes a flag, notes something on it, passes it on, closes it, opens it again',
      description:
        'Appends a `fraud.flag.reviewed` event and answers with its position. Whether it takes effect, the topology ' +
        'decides in the order of the log (two analysts may take a flag at the same moment): `history` of the flag has ' +
        'it, with `refused` where it changed nothing. The same `eventId` again changes nothing.',
      pathParameters: { flag: pathText('Id of the flag.') },
      queryParameters: {},
      body: { $ref: '#/components/schemas/ReviewRequest' },
      answer: {
        description: 'The event is in the log.',
        status: 202,
        content: { 'application/json': { $ref: '#/components/schemas/ReviewAccepted' } },
      },
      findsById: true,
      handle: async ({ path, body, caller }) => {
        need(context.reader, STORES.fraudFlags, STORES.fraudFlagReviews)
        if (writer === undefined)
          throw new ApiProblem('not-offered', 'The application that runs here takes no reviews.')
        const request = body as ReviewRequest
        const by = reviewer(request, caller?.id ?? null)
        checkRequest(request)
        const { value: flag } = await context.reader.get(STORES.fraudFlags, path.flag)
        if (flag === undefined) throw notFound('fraud flag', path.flag)
        const event = reviewEvent(flag as StoredFlag, request, by, clock.wallClockMs())
        const [position] = await writer.write([event])
        const answer = { eventId: event.event_id, flagId: path.flag, position: position as object, accepted: true }
        return { kind: 'json', status: 202, body: answer }
      },
    }),
  ]
}

/** Who has signed in, or who says so where nobody has to. */
function reviewer({ by }: ReviewRequest, signedIn: string | null): string {
  if (signedIn === null) {
    if (by === undefined) throw badParameters([{ field: 'by', reason: 'must say who does it: nobody signs in here' }])
    return by
  }
  if (by === undefined || by === signedIn) return signedIn
  throw badParameters([{ field: 'by', reason: `is not ${signedIn}, who has signed in: leave it out` }])
}

function checkRequest({ action, outcome, note = '' }: ReviewRequest): void {
  const problems: { field: string; reason: string }[] = []
  if (action === 'close' && outcome === undefined) problems.push({ field: 'outcome', reason: 'says how it ended' })
  if (action !== 'close' && outcome !== undefined) problems.push({ field: 'outcome', reason: 'goes with close only' })
  if (action !== 'take' && note.trim() === '') problems.push({ field: 'note', reason: 'must say why' })
  if (problems.length > 0) throw badParameters(problems)
}

function reviewEvent(flag: StoredFlag, request: ReviewRequest, by: string, nowMs: number) {
  const { action, outcome, note = '' } = request
  const { flag_id, subject_kind, subject_id, member_id } = flag.data
  const at = new Date(nowMs).toISOString()
  const status = action === 'close' ? (`closed_${outcome}` as (typeof CLOSED_STATUSES)[number]) : STATUS_OF[action]
  return createEvent('fraud.flag.reviewed', {
    event_id: eventId(request.eventId ?? randomUUID()),
    timestamp: at,
    data: {
      flag_id,
      subject_kind,
      subject_id,
      member_id,
      status,
      action,
      reviewed_by: by as EventDataOf<'fraud.flag.reviewed'>['reviewed_by'],
      reason: note.trim(),
      reviewed_at: at,
    },
    metadata: { source: SOURCE, user_id: by },
  })
}
