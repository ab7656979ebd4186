// @ts-check
import { h } from './dom.js'
import { flagWork, statusBadge } from './flag-work.js'
import { ago, count, flagTime, fullTime, words } from './format.js'
import { severityMark } from './parts.js'

/** @typedef {import('./types.d.ts').FlagView} FlagView */
/** @typedef {import('./types.d.ts').RuleView} RuleView */

/** @type {Record<string, string>} */
const ASKS = {
  approve: 'Nothing has to be done.',
  review: 'Look at it and decide.',
  hold: 'Hold further payments until somebody has looked at it.',
  decline: 'Refuse it.',
}
/** @type {Record<string, string>} */
const SUBJECTS = { member: 'Member', staff: 'Member of staff', agent: 'Agent', device: 'Device', employer: 'Employer' }

/**
 * A flag with its evidence, in plain words.
 * @param {FlagView} flag
 * @param {RuleView | undefined} rule
 * @param {string | null} streamTime
 * @param {() => void} onBack
 * @param {(flag: FlagView) => void} onDone when somebody has worked on it here
 * @returns {Node[]}
 */
export function flagDetail(flag, rule, streamTime, onBack, onDone) {
  return [
    head(flag, streamTime, onBack),
    h(
      'section',
      { class: 'section' },
      h('h3', {}, 'Why it fired'),
      h('p', { class: 'reason' }, flag.reason),
      rule === undefined ? null : h('p', { class: 'muted' }, `The rule: ${rule.description}`),
    ),
    flagWork(flag, onDone),
    measured(flag),
    evidence(flag),
    about(flag),
  ]
}

/**
 * @param {FlagView} flag
 * @param {string | null} streamTime
 * @param {() => void} onBack
 */
function head(flag, streamTime, onBack) {
  const subject = flag.subject.name ?? flag.subject.id
  return h(
    'div',
    { class: 'detail-head' },
    h(
      'div',
      { class: 'line' },
      h('button', { class: 'button sheet-back', type: 'button', onclick: onBack }, '← Flags'),
      severityMark(flag.severity),
      statusBadge(flag),
      h('span', { class: 'muted end' }, `${fullTime(flagTime(flag))} · ${ago(flagTime(flag), streamTime)}`),
    ),
    h('h1', {}, flag.rule.name),
    h(
      'p',
      {},
      `${SUBJECTS[flag.subject.kind] ?? words(flag.subject.kind)} `,
      flag.memberId === null
        ? h('b', {}, subject)
        : h(
            'a',
            { href: `#/members/${encodeURIComponent(flag.memberId)}` },
            h('b', {}, flag.memberName ?? flag.memberId),
          ),
      flag.memberId !== null && flag.subject.id !== flag.memberId ? ` · ${flag.subject.id}` : '',
      flag.memberId !== null && flag.memberName !== null ? h('span', { class: 'muted' }, ` ${flag.memberId}`) : null,
    ),
  )
}

/** @param {FlagView} flag */
function measured(flag) {
  if (flag.values.length === 0) return h('span', { class: 'visually-hidden' }, 'Nothing was measured.')
  const items = flag.values.map(({ label, words: text }) =>
    h('div', { class: 'measure' }, h('div', { class: 'label' }, label), h('div', { class: 'value' }, text)),
  )
  return h('section', { class: 'section' }, h('h3', {}, 'What was measured'), h('div', { class: 'measures' }, items))
}

/** @param {FlagView} flag */
function evidence(flag) {
  const missing = flag.evidenceCount - flag.evidence.length
  const items = flag.evidence.map((item) =>
    h(
      'li',
      {},
      h('span', {}, item.words),
      h('span', { class: 'amount' }, item.amount === null ? '' : item.amount.formatted),
      h('span', { class: 'muted' }, `${fullTime(item.time)} · `, h('code', {}, item.eventId)),
    ),
  )
  const title = `Evidence: ${count(flag.evidenceCount)} event${flag.evidenceCount === 1 ? '' : 's'}`
  return h(
    'section',
    { class: 'section' },
    h('h3', {}, title),
    missing > 0 ? h('p', { class: 'muted' }, `${count(missing)} earlier ones are not listed.`) : null,
    h('ol', { class: 'timeline' }, items),
  )
}

/** @param {FlagView} flag */
function about(flag) {
  /** @type {[string, string | Node | null][]} */
  const facts = [
    ['Asks for', `${words(flag.outcome)}. ${ASKS[flag.outcome] ?? ''}`],
    ['Window', flag.windowStart === null ? null : `${fullTime(flag.windowStart)} to ${fullTime(flag.windowEnd)}`],
    ['Account', flag.accountId],
    ['Loan', flag.loanId],
    ['Staff', flag.staffId],
    ['Agent', flag.agentId],
    ['Device', flag.deviceId],
    ['Rule', `${flag.rule.id}, version ${flag.rule.version}, weight ${flag.score}`],
    ['Flag', h('code', {}, flag.id)],
  ]
  const shown = facts.filter(([, value]) => value !== null && value !== '')
  const pairs = shown.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])
  return h('section', { class: 'section' }, h('h3', {}, 'Details'), h('dl', { class: 'facts' }, pairs))
}
