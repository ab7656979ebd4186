// @ts-check
import { isClosed } from './flag-work.js'
import { staffId } from './session.js'

/** @typedef {import('./types.d.ts').FlagView} FlagView */

/** What the list shows, by where the work stands. @type {readonly (readonly [queue: string, text: string, status: string])[]} */
export const QUEUES = [
  ['todo', 'Not closed', 'open,taken,escalated'],
  ['open', 'Nobody has it', 'open'],
  ['mine', 'Mine', 'taken'],
  ['taken', 'Taken', 'taken'],
  ['escalated', 'Passed on', 'escalated'],
  ['closed', 'Closed', 'closed'],
  ['all', 'All', ''],
]

/** @param {FlagView} flag @param {string} queue */
export function isInQueue(flag, queue) {
  if (queue === 'all') return true
  if (queue === 'todo') return !isClosed(flag)
  if (queue === 'closed') return isClosed(flag)
  if (queue === 'mine') return flag.status === 'taken' && flag.assignee === staffId()
  return flag.status === queue
}
