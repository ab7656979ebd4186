// @ts-check
import { h } from './dom.js'
import { statusBadge } from './flag-work.js'
import { ago, flagTime, shortTime } from './format.js'
import { bars } from './parts.js'

/**
 * A flag in the list.
 * @param {import('./types.d.ts').FlagView} flag
 * @param {{ streamTime: string | null, isFresh: boolean, isSelected: boolean, onClick: () => void }} options
 */
export function flagRow(flag, { streamTime, isFresh, isSelected, onClick }) {
  const who = flag.memberName ?? flag.subject.name ?? flag.subject.id
  return h(
    'li',
    {
      class: isFresh ? 'flag fresh' : 'flag',
      role: 'option',
      id: `flag-${flag.id}`,
      'data-severity': flag.severity,
      'aria-selected': String(isSelected),
      onclick: onClick,
    },
    h(
      'span',
      {},
      h('span', { class: 'rule' }, flag.rule.name),
      h('span', { class: 'visually-hidden' }, `, ${flag.severity},`),
    ),
    h(
      'span',
      { class: 'when', title: shortTime(flagTime(flag)) },
      ago(flagTime(flag), streamTime) || shortTime(flagTime(flag)),
    ),
    h('span', { class: 'who' }, who, flag.status === 'open' ? null : statusBadge(flag)),
    h('span', { class: 'when' }, h('span', { class: 'severity', 'data-severity': flag.severity }, bars(flag.severity))),
    h('span', { class: 'why' }, flag.reason),
  )
}
