import type { EventDataOf, EventOf } from '#schemas'
import { FLAG_STEPS_MAX, type FlagReview, type FlagStep } from './stores.ts'

export type FlagReviewed = EventOf<'fraud.flag.reviewed'>
export type ReviewAction = Exclude<NonNullable<EventDataOf<'fraud.flag.reviewed'>['action']>, 'other'>
export type FlagStatus = Exclude<EventDataOf<'fraud.flag.reviewed'>['status'], 'unknown'>

export const REVIEW_ACTIONS = ['take', 'note', 'release', 'escalate', 'close', 'reopen'] as const
export const FLAG_STATUSES = [
  'open',
  'taken',
  'escalated',
  'closed_confirmed',
  'closed_false_positive',
  'closed_reported',
] as const satisfies readonly FlagStatus[]
export const CLOSED_STATUSES = ['closed_confirmed', 'closed_false_positive', 'closed_reported'] as const

/** Why a review changes nothing. Two analysts may act at the same moment: the order of the log decides. */
export type ReviewRefusal = 'taken-by-another' | 'is-closed' | 'is-not-closed' | 'not-taken' | 'no-reason'

export const isClosed = (status: string): boolean => status.startsWith('closed')

/**
 * The work on a flag after one more review:
 *
 *     open ──take──► taken ──close──► closed_… ──reopen──► open
 *       ▲             │ │                ▲
 *       └──release────┘ └──escalate──► escalated ──take──► taken, or close
 *
 * Only whom it is assigned to escalates or closes what is taken; anybody may release it (people fall ill), with a
 * reason. Undefined: the event was there before.
 */
export function reviewFlag(before: FlagReview | undefined, event: FlagReviewed): FlagReview | undefined {
  const { data } = event
  const steps = before?.steps ?? []
  if (steps.some(({ event_id }) => event_id === event.event_id)) return undefined
  const status = before?.status ?? 'open'
  const assignee = before?.assignee ?? null
  const action = actionOf(data, status)
  const refused = refusalOf(action, data, status, assignee)
  const isChange = refused === null && action !== 'note'
  const after = isChange ? statusAfter(action, data.status) : status
  const timeMs = Date.parse(data.reviewed_at) || 0
  const step: FlagStep = {
    event_id: event.event_id,
    action,
    status: after,
    by: data.reviewed_by,
    checker_id: data.checker_id,
    reason: data.reason,
    time_ms: timeMs,
    refused,
  }
  const kept = [...steps, step].slice(-FLAG_STEPS_MAX)
  if (!isChange) {
    const { reviewed_by, reason, reviewed_ms } = before ?? { reviewed_by: '', reason: '', reviewed_ms: 0 }
    return { status, reviewed_by, reason, reviewed_ms, assignee, steps: kept }
  }
  return {
    status: after,
    reviewed_by: data.reviewed_by,
    reason: data.reason,
    reviewed_ms: timeMs,
    assignee: assigneeAfter(action, data.reviewed_by, assignee),
    steps: kept,
  }
}

type Data = FlagReviewed['data']

/** Events of version 1.0 name the new status only. */
function actionOf({ action, status }: Data, before: string): ReviewAction {
  if (action !== null && action !== 'other') return action
  if (action === 'other' || status === 'unknown') return 'note'
  if (isClosed(status)) return 'close'
  if (status === 'taken') return 'take'
  if (status === 'escalated') return 'escalate'
  return isClosed(before) ? 'reopen' : 'release'
}

function refusalOf(action: ReviewAction, data: Data, status: string, assignee: string | null): ReviewRefusal | null {
  if (action === 'note') return data.reason === '' ? 'no-reason' : null
  if (action === 'reopen') return isClosed(status) ? reasonNeeded(data) : 'is-not-closed'
  if (isClosed(status)) return 'is-closed'
  const isOthers = assignee !== null && assignee !== data.reviewed_by
  switch (action) {
    case 'take':
      return isOthers ? 'taken-by-another' : null
    case 'release':
      return status === 'open' ? 'not-taken' : isOthers ? reasonNeeded(data) : null
    case 'escalate':
    case 'close':
      return isOthers ? 'taken-by-another' : reasonNeeded(data)
    default:
      return action satisfies never
  }
}

const reasonNeeded = ({ reason }: Data): ReviewRefusal | null => (reason === '' ? 'no-reason' : null)

function statusAfter(action: ReviewAction, asked: string): string {
  switch (action) {
    case 'take':
      return 'taken'
    case 'escalate':
      return 'escalated'
    case 'close':
      return isClosed(asked) ? asked : 'closed_confirmed'
    default:
      return 'open'
  }
}

/** Whoever closed a flag stays the one to ask about it. */
function assigneeAfter(action: ReviewAction, by: string, assignee: string | null): string | null {
  if (action === 'take') return by
  return action === 'close' ? (assignee ?? by) : null
}
