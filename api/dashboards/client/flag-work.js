// @ts-check
import { get, send } from './api.js'
import { h, replace } from './dom.js'
import { fullTime } from './format.js'
import { badge } from './parts.js'
import { currentSession, may, rememberStaffId, staffId } from './session.js'

/** @typedef {import('./types.d.ts').FlagView} FlagView */

/** @type {Record<string, string>} */
export const STATUS_WORDS = {
  open: 'Open',
  taken: 'Taken',
  escalated: 'Passed on',
  closed_confirmed: 'Confirmed fraud',
  closed_false_positive: 'False alarm',
  closed_reported: 'Reported',
}
/** @type {Record<string, string>} */
const DONE_WORDS = {
  take: 'took it',
  note: 'noted',
  release: 'gave it back',
  escalate: 'passed it on',
  close: 'closed it',
  reopen: 'opened it again',
}
/** @type {Record<string, string>} */
const REFUSED_WORDS = {
  'taken-by-another': 'somebody else had it',
  'is-closed': 'it was closed already',
  'is-not-closed': 'it was not closed',
  'not-taken': 'nobody had it',
  'no-reason': 'it had no reason',
}
/** @type {readonly (readonly [outcome: string, text: string])[]} */
const OUTCOMES = [
  ['confirmed', 'Confirmed fraud'],
  ['false_positive', 'False alarm'],
  ['reported', 'Reported to the FRC'],
]

export const isClosed = (/** @type {FlagView} */ { status }) => status.startsWith('closed')

/** @param {FlagView} flag */
export function statusBadge(flag) {
  const kind = isClosed(flag) ? 'good' : flag.status === 'open' ? '' : 'medium'
  const who = flag.assignee === null ? '' : ` · ${flag.assignee}`
  return badge(`${STATUS_WORDS[flag.status] ?? flag.status}${who}`, kind)
}

/** What somebody has begun to write, by flag: it outlives whatever is drawn anew. @type {Map<string, string>} */
const drafts = new Map()

const WAIT_MS = 120
const WAITS_MAX = 50

/**
 * Sends what an analyst does, and gives the flag once it has it: the topology decides whether it takes effect.
 * @param {FlagView} flag
 * @param {{ action: string, outcome?: string, note?: string }} review
 * @returns {Promise<FlagView>}
 */
export async function reviewFlag(flag, review) {
  const path = `/v1/fraud-flags/${encodeURIComponent(flag.id)}`
  const by = currentSession().id === null ? { by: staffId() } : {}
  // Chosen here: whoever sends it again because an answer was lost sends the same event.
  const eventId = crypto.randomUUID?.() ?? `review-${Date.now()}-${Math.random().toString(36).slice(2)}`
  await send('POST', `${path}/reviews`, { ...review, ...by, eventId })
  for (let tries = 0; ; tries++) {
    const seen = /** @type {FlagView} */ (await get(path))
    if (seen.history.some((step) => step.eventId === eventId)) return seen
    if (tries >= WAITS_MAX) throw new Error('It is in the log, but not processed yet: load the page again shortly.')
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
  }
}

/**
 * The work on a flag: who has it, what was done, and what can be done now.
 * @param {FlagView} flag
 * @param {(flag: FlagView) => void} onDone
 */
export function flagWork(flag, onDone) {
  return h(
    'section',
    { class: 'section work', 'aria-label': 'Work on this flag' },
    h('h3', {}, 'Work'),
    h('p', { class: 'work-state' }, stateOf(flag)),
    may('reviews') ? workForm(flag, onDone) : null,
    history(flag),
  )
}

/** @param {FlagView} flag */
function stateOf(flag) {
  const { status, assignee, review } = flag
  if (status === 'open') return review === null ? 'Nobody has looked at it yet.' : 'Nobody has it now.'
  if (status === 'taken') return `${assignee === staffId() ? `You have it (${assignee})` : `${assignee} has it`}.`
  if (status === 'escalated') return `${review?.by} has passed it on: it waits for somebody else.`
  return `Closed by ${review?.by}: ${STATUS_WORDS[status] ?? status}.`
}

/**
 * @param {FlagView} flag
 * @param {(flag: FlagView) => void} onDone
 */
function workForm(flag, onDone) {
  const message = h('p', { class: 'notice problem', role: 'alert', hidden: true })
  const tell = (/** @type {string} */ text) => {
    message.hidden = text === ''
    message.textContent = text
  }
  const note = h('textarea', {
    class: 'input note',
    id: 'work-note',
    rows: 2,
    maxlength: 2_000,
    placeholder: 'What you found, and why you decide so',
    'aria-label': 'Note',
    oninput: () => drafts.set(flag.id, note.value),
  })
  note.value = drafts.get(flag.id) ?? ''
  const staff = h('input', {
    class: 'input',
    id: 'work-staff',
    maxlength: 128,
    placeholder: 'Your staff id',
    'aria-label': 'Your staff id',
    value: staffId(),
    onchange: () => rememberStaffId(staff.value.trim()),
  })
  const buttons = h('div', { class: 'work-buttons' })
  const act = async (/** @type {{ action: string, outcome?: string }} */ review) => {
    tell('')
    if (currentSession().id === null) {
      if (staff.value.trim() === '') {
        tell('Say who you are first: your staff id.')
        staff.focus()
        return
      }
      rememberStaffId(staff.value.trim())
    }
    const text = note.value.trim()
    if (review.action !== 'take' && text === '') {
      tell('Write a note first: others must see why.')
      note.focus()
      return
    }
    for (const button of buttons.querySelectorAll('button')) button.disabled = true
    try {
      const seen = await reviewFlag(flag, { ...review, ...(text === '' ? {} : { note: text }) })
      drafts.delete(flag.id)
      onDone(seen)
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error))
      for (const button of buttons.querySelectorAll('button')) button.disabled = false
    }
  }
  /** @param {string} text @param {{ action: string, outcome?: string }} review @param {string} [kind] */
  const button = (text, review, kind = '') =>
    h(
      'button',
      {
        class: `button ${kind}`,
        type: 'button',
        'data-action': review.outcome ?? review.action,
        onclick: () => act(review),
      },
      text,
    )
  const others = flag.status === 'taken' && flag.assignee !== staffId()
  replace(
    buttons,
    isClosed(flag)
      ? button('Open it again', { action: 'reopen' })
      : [
          flag.status === 'taken' ? null : button('Take it', { action: 'take' }, 'primary'),
          ...(others ? [] : OUTCOMES.map(([outcome, text]) => button(text, { action: 'close', outcome }))),
          others ? null : button('Pass on', { action: 'escalate' }),
          flag.status === 'taken' ? button('Give back', { action: 'release' }) : null,
        ],
    button('Only note', { action: 'note' }),
  )
  return h(
    'div',
    { class: 'work-form' },
    currentSession().id === null
      ? h('label', { class: 'work-staff' }, h('span', { class: 'muted' }, 'You are'), staff)
      : null,
    note,
    buttons,
    message,
  )
}

/** @param {FlagView} flag */
function history(flag) {
  if (flag.history.length === 0) return null
  const items = [...flag.history].reverse().map((step) => {
    const done =
      step.action === 'close' && step.refused === null
        ? `closed it: ${STATUS_WORDS[step.status]}`
        : DONE_WORDS[step.action]
    const words =
      step.refused === null
        ? done
        : `tried: ${DONE_WORDS[step.action]}, but ${REFUSED_WORDS[step.refused] ?? step.refused}`
    return h(
      'li',
      { class: step.refused === null ? false : 'refused' },
      h('span', {}, h('b', {}, step.by), ` ${words}`),
      h('span', { class: 'muted' }, fullTime(step.at)),
      step.reason === '' ? null : h('span', { class: 'step-note' }, step.reason),
    )
  })
  return h('ol', { class: 'timeline steps', 'aria-label': 'What was done, the newest first' }, items)
}
