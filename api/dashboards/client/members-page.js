// @ts-check
import { get } from './api.js'
import { h, replace } from './dom.js'
import { words } from './format.js'
import { badge, empty, linkRow, problem, riskKind, segmented, table } from './parts.js'

/** @typedef {import('./types.d.ts').MemberSummary} MemberSummary */

const PAGE_SIZE = 50
const TYPING_DELAY_MS = 150

/** Members by what one knows of them, or the riskiest first. */
export class MembersPage {
  /** @param {import('./types.d.ts').PageContext} context */
  constructor(context) {
    this.context = context
    this.text = decodeURIComponent(context.argument.replace(/^\?/, ''))
    /** @type {'risk' | 'id'} */
    this.order = 'risk'
    /** @type {MemberSummary[]} */
    this.members = []
    /** @type {string | null} */
    this.next = null
    this.at = -1
    this.turn = 0
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
  }

  async show() {
    const { context } = this
    this.search = h('input', {
      class: 'input',
      type: 'search',
      value: this.text,
      placeholder: 'Name, member id, phone or e-mail',
      'aria-label': 'Search members',
      oninput: () => this.typed(),
    })
    const orders = /** @type {const} */ ([
      ['risk', 'Riskiest first'],
      ['id', 'By member id'],
    ])
    const order = segmented(orders, this.order, (value) => this.reorder(value), 'Order')
    this.body = h('div', { class: 'card' })
    replace(context.root, h('div', { class: 'page-head' }, h('h1', {}, 'Members'), this.search, order), this.body)
    context.onKey((key) => this.key(key))
    context.onLeave(() => clearTimeout(this.timer))
    await this.load()
  }

  typed() {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.text = this.search?.value.trim() ?? ''
      this.load()
    }, TYPING_DELAY_MS)
  }

  /** @param {'risk' | 'id'} order */
  reorder(order) {
    this.order = order
    this.load()
  }

  /** @param {string | null} [cursor] */
  async load(cursor = null) {
    const turn = ++this.turn
    try {
      const parameters = { search: this.text, order: this.order, limit: PAGE_SIZE, cursor: cursor ?? undefined }
      const page = /** @type {import('./types.d.ts').Page<MemberSummary>} */ (
        await get('/v1/members', parameters, this.context.signal)
      )
      if (turn !== this.turn) return
      this.members = cursor === null ? [...page.items] : [...this.members, ...page.items]
      this.next = page.next
      if (cursor === null) this.at = -1
      this.render()
    } catch (error) {
      if (!this.context.signal.aborted && this.body) replace(this.body, problem(error))
    }
  }

  render() {
    if (!this.body) return
    if (this.members.length === 0) {
      replace(this.body, empty(`No member fits ${JSON.stringify(this.text)}.`))
      return
    }
    const rows = this.members.map((member) => this.row(member))
    const load = () => this.load(this.next)
    const more = h(
      'p',
      { class: 'empty' },
      h('button', { class: 'button', type: 'button', onclick: load }, 'Load more'),
    )
    replace(
      this.body,
      table(['Member', 'Risk', 'Phone', 'Status', 'Segment', 'Branch'], rows),
      this.next === null ? null : more,
    )
  }

  /** @param {MemberSummary} member */
  row(member) {
    const hash = `#/members/${encodeURIComponent(member.memberId)}`
    const score = member.riskScore
    return h(
      'tr',
      linkRow(hash, this.context.go),
      h(
        'td',
        {},
        h('a', { href: hash }, h('b', {}, member.name ?? member.memberId)),
        h('div', { class: 'muted' }, member.memberId),
      ),
      h(
        'td',
        {},
        score === null
          ? h('span', { class: 'muted' }, 'none yet')
          : badge(`${score} · ${member.riskLevel}`, riskKind(member.riskLevel)),
      ),
      h('td', {}, member.phone ?? '–'),
      h('td', {}, badge(words(member.status), member.status === 'active' ? 'good' : 'medium')),
      h('td', {}, words(member.segment)),
      h('td', {}, member.branchId ?? '–'),
    )
  }

  /** @param {string} key */
  key(key) {
    if (key === '/') this.search?.focus()
    else if (key === 'j' || key === 'k') this.move(key === 'j' ? 1 : -1)
    else return false
    return true
  }

  /** @param {1 | -1} step */
  move(step) {
    const rows = this.body?.querySelectorAll('tbody tr') ?? []
    this.at = Math.max(0, Math.min(rows.length - 1, this.at + step))
    const row = rows[this.at]
    if (row instanceof HTMLElement) row.focus()
  }
}
