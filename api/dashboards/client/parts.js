// @ts-check
import { h, s } from './dom.js'

/** Pieces that several pages show. */

export const SEVERITIES = /** @type {const} */ (['critical', 'high', 'medium', 'low'])
/** @type {Record<string, number>} */
const BARS = { low: 1, medium: 2, high: 3, critical: 4 }

/** @param {string} severity */
export function bars(severity) {
  const on = BARS[severity] ?? 1
  const list = [1, 2, 3, 4].map((number) => h('i', { class: number <= on ? 'on' : false }))
  return h('span', { class: 'bars', 'aria-hidden': 'true' }, list)
}

/** @param {string} severity */
export function severityMark(severity) {
  return h('span', { class: 'severity', 'data-severity': severity }, bars(severity), severity)
}

/**
 * @param {string} text
 * @param {string} [kind] good, low, medium, high or critical
 */
export function badge(text, kind = '') {
  return h('span', { class: `badge ${kind}` }, text)
}

/** @type {Record<string, string>} */
const RISK_KINDS = { low: 'low', moderate: 'good', elevated: 'medium', high: 'high', severe: 'critical' }
/** @param {string | null} level */
export const riskKind = (level) => RISK_KINDS[level ?? ''] ?? ''

/** @type {Record<string, string>} */
const BAND_KINDS = { performing: 'good', watch: 'medium', substandard: 'high', doubtful: 'critical', loss: 'critical' }
/** @param {string | null} band */
export const bandKind = (band) => BAND_KINDS[band ?? ''] ?? ''

/**
 * @param {string} label
 * @param {string} value
 * @param {string} [note]
 * @param {boolean} [alarm]
 */
export function tile(label, value, note = '', alarm = false) {
  return h(
    'div',
    { class: `card tile${alarm ? ' alarm' : ''}` },
    h('div', { class: 'label' }, label),
    h('div', { class: 'value' }, value),
    h('div', { class: 'note' }, note),
  )
}

/**
 * @param {string} title
 * @param {(Node | string | null)[]} body
 * @param {Node | null} [end] at the right of the title
 */
export function card(title, body, end = null) {
  const heading = h('header', {}, h('h2', {}, title), end === null ? null : h('div', { class: 'end' }, end))
  return h('section', { class: 'card' }, heading, body)
}

/**
 * @param {string[]} heads those that begin with `#` are numbers
 * @param {Node[]} rows
 */
export function table(heads, rows) {
  const cells = heads.map((head) =>
    h('th', { scope: 'col', class: head.startsWith('#') ? 'number' : false }, head.replace(/^#/, '')),
  )
  return h('div', { class: 'table-wrap' }, h('table', {}, h('thead', {}, h('tr', {}, cells)), h('tbody', {}, rows)))
}

/**
 * A share of a whole as a bar.
 * @param {number} share 0 to 1
 * @param {string} [kind]
 */
export function bar(share, kind = '') {
  const width = Math.max(0, Math.min(1, share)) * 100
  return s(
    'svg',
    { class: 'bar', viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    s('rect', { class: 'track', width: 100, height: 6, rx: 1 }),
    s('rect', { class: `fill ${kind}`, width, height: 6, rx: 1 }),
  )
}

/** @param {string} text */
export function empty(text) {
  return h('p', { class: 'empty' }, text)
}

/** @param {unknown} error */
export function problem(error) {
  const text = error instanceof Error ? error.message : String(error)
  return h('div', { class: 'notice problem', role: 'alert' }, text)
}

/**
 * @template T
 * @param {readonly (readonly [value: T, label: string])[]} options
 * @param {T} selected
 * @param {(value: T) => void} onChoose
 * @param {string} label
 */
export function segmented(options, selected, onChoose, label) {
  const group = h('div', { class: 'segmented', role: 'group', 'aria-label': label })
  for (const [value, text] of options) {
    const choose = () => {
      for (const other of group.children) other.setAttribute('aria-pressed', String(other === button))
      onChoose(value)
    }
    const button = h('button', { type: 'button', 'aria-pressed': String(value === selected), onclick: choose }, text)
    group.append(button)
  }
  return group
}

/**
 * Opens a member by click or Enter.
 * @param {string} hash
 * @param {(hash: string) => void} go
 */
export function linkRow(hash, go) {
  /** @param {Event} event */
  const onkeydown = (event) => {
    if (/** @type {KeyboardEvent} */ (event).key === 'Enter') go(hash)
  }
  return { class: 'link', tabindex: 0, onclick: () => go(hash), onkeydown }
}
