// @ts-check
import { get } from './api.js'
import { legend, lineChart } from './charts.js'
import { h, replace, s } from './dom.js'
import { statusBadge } from './flag-work.js'
import { ago, dateOf, flagTime, fullTime, short, shortTime, words } from './format.js'
import { badge, bandKind, bar, card, empty, problem, riskKind, segmented, severityMark, table } from './parts.js'

/** @typedef {import('./types.d.ts').Member} Member */
/** @typedef {import('./types.d.ts').MovementView} MovementView */
/** @typedef {import('./types.d.ts').MemberEventView} MemberEventView */

const MOVEMENTS_MAX = 500
const ROWS_SHOWN = 12
const EVENTS_SHOWN = 14
const DAY_MS = 86_400_000

/** Everything about one member on one page. */
export class MemberPage {
  /** @param {import('./types.d.ts').PageContext} context */
  constructor(context) {
    this.context = context
    this.id = decodeURIComponent(context.argument)
    this.days = 30
    /** @type {MovementView[]} */
    this.movements = []
  }

  async show() {
    const { context } = this
    const path = `/v1/members/${encodeURIComponent(this.id)}`
    context.onKey((key) => {
      if (key === 'Escape') history.back()
      return key === 'Escape'
    })
    try {
      const [member, movements] = await Promise.all([
        /** @type {Promise<Member>} */ (get(path, {}, context.signal)),
        /** @type {Promise<import('./types.d.ts').Page<MovementView>>} */ (
          get(`${path}/movements`, { limit: MOVEMENTS_MAX }, context.signal)
        ),
      ])
      this.movements = [...movements.items]
      this.render(member)
      const events = /** @type {import('./types.d.ts').Page<MemberEventView>} */ (
        await get(`${path}/events`, { limit: EVENTS_SHOWN }, context.signal)
      )
      this.renderEvents(events.items)
    } catch (error) {
      if (!context.signal.aborted) replace(context.root, problem(error))
    }
  }

  /** @param {Member} member */
  render(member) {
    const { context } = this
    this.streamTime = member.freshness.streamTime
    this.events = h('div', {}, empty('Reading the log…'))
    replace(
      context.root,
      header(member),
      h(
        'div',
        { class: 'grid wide-left' },
        h(
          'div',
          { class: 'grid' },
          this.balanceCard(member),
          flagsCard(member, this.streamTime),
          loansCard(member),
          this.movementsCard(),
        ),
        h(
          'div',
          { class: 'grid' },
          riskCard(member),
          profileCard(member),
          devicesCard(member, this.streamTime),
          card('Recent events', [this.events]),
        ),
      ),
    )
    this.draw(member)
  }

  /** @param {Member} member */
  balanceCard(member) {
    const accounts = member.accounts.map((account) =>
      h(
        'div',
        { class: 'account' },
        h(
          'div',
          { class: 'between' },
          h('span', {}, words(account.product)),
          account.status === 'open' ? null : badge(words(account.status), 'medium'),
        ),
        h('div', { class: 'value' }, account.balance.formatted),
        h(
          'div',
          { class: 'muted' },
          account.held.minorUnits === 0 ? account.accountId : `${account.held.formatted} held`,
        ),
      ),
    )
    this.chart = h('div')
    const ranges = /** @type {const} */ ([
      [7, '7 days'],
      [30, '30 days'],
      [0, 'All'],
    ])
    const choose = (/** @type {number} */ days) => {
      this.days = days
      this.draw(member)
    }
    const products = member.accounts.slice(0, 4).map(({ product }) => words(product))
    return card(
      'Balances',
      [
        h('div', { class: 'body' }, h('div', { class: 'accounts' }, accounts)),
        h('div', { class: 'body' }, legend(products), this.chart),
      ],
      segmented(ranges, this.days, choose, 'Time shown'),
    )
  }

  /** @param {Member} member */
  draw(member) {
    if (!this.chart) return
    this.plot?.destroy()
    replace(this.chart)
    const accounts = member.accounts.slice(0, 4)
    const endMs = Math.max(
      Date.parse(this.streamTime ?? '') || 0,
      ...this.movements.map(({ time }) => Date.parse(time)),
    )
    const fromMs = this.days === 0 ? 0 : endMs - this.days * DAY_MS
    const data = balanceSeries(this.movements, accounts, fromMs, endMs)
    if (data === undefined) {
      replace(this.chart, empty('No movement in this time.'))
      return
    }
    const labels = accounts.map(({ product }) => words(product))
    this.plot = lineChart(this.chart, {
      labels,
      format: short,
      stepped: true,
      height: 230,
      title: 'Balances over time',
    })
    this.plot.set(data)
    this.context.onLeave(() => this.plot?.destroy())
  }

  movementsCard() {
    // Money that is only held or freed again moves nothing.
    const rows = this.movements
      .filter(({ amount }) => amount.minorUnits !== 0)
      .slice(0, ROWS_SHOWN)
      .map((movement) =>
        h(
          'tr',
          {},
          h(
            'td',
            {},
            h('div', {}, movement.words),
            h('div', { class: 'muted' }, `${shortTime(movement.time)} · ${movement.accountId}`),
          ),
          h('td', { class: `number ${movement.amount.minorUnits < 0 ? 'negative' : 'positive'}` }, signed(movement)),
          h('td', { class: 'number' }, movement.balance.formatted),
        ),
      )
    const body = rows.length === 0 ? empty('No movement yet.') : table(['Movement', '#Amount', '#Balance after'], rows)
    return card('Last movements', [body])
  }

  /** @param {readonly MemberEventView[]} events */
  renderEvents(events) {
    if (!this.events) return
    if (events.length === 0) {
      replace(this.events, empty('None among the newest records of the log.'))
      return
    }
    const items = events.map((event) =>
      h(
        'li',
        {},
        h('details', {}, h('summary', {}, event.words), h('pre', {}, JSON.stringify(event.data, null, 1))),
        h('span', { class: 'amount' }, event.amount?.formatted ?? ''),
        h('span', { class: 'muted' }, shortTime(event.time)),
      ),
    )
    replace(this.events, h('div', { class: 'body' }, h('ol', { class: 'timeline' }, items)))
  }
}

/** @param {MovementView} movement */
function signed(movement) {
  return movement.amount.minorUnits > 0 ? `+${movement.amount.formatted}` : movement.amount.formatted.replace('-', '−')
}

/**
 * One column of times, one of balances per account: each holds until its next movement.
 * @param {readonly MovementView[]} movements the newest first
 * @param {readonly { readonly accountId: string, readonly balance: { readonly minorUnits: number } }[]} accounts
 * @param {number} fromMs
 * @param {number} endMs
 * @returns {import('uplot').AlignedData | undefined}
 */
function balanceSeries(movements, accounts, fromMs, endMs) {
  const shown = movements.filter(({ time }) => Date.parse(time) >= fromMs).reverse()
  const first = movements.at(-1)
  if (first === undefined) return undefined
  const before = movements.filter(({ time }) => Date.parse(time) < fromMs)
  const held = accounts.map(({ accountId, balance }) => {
    const earlier = before.find((movement) => movement.accountId === accountId)
    if (earlier !== undefined) return earlier.balance.minorUnits
    // Before the first movement that is known, the balance is what that one started from.
    const own = shown.find((movement) => movement.accountId === accountId)
    return own === undefined ? balance.minorUnits : own.balance.minorUnits - own.amount.minorUnits
  })
  const startMs = fromMs === 0 ? Date.parse(first.time) : fromMs
  const times = [startMs / 1_000]
  const columns = held.map((value) => [value / 100])
  for (const movement of shown) {
    const at = accounts.findIndex(({ accountId }) => accountId === movement.accountId)
    if (at !== -1) held[at] = movement.balance.minorUnits
    times.push(Date.parse(movement.time) / 1_000)
    for (const [index, column] of columns.entries()) column.push((held[index] ?? 0) / 100)
  }
  times.push(endMs / 1_000)
  for (const [index, column] of columns.entries()) column.push((held[index] ?? 0) / 100)
  return [times, ...columns]
}

/** @param {Member} member */
function header({ profile, risk }) {
  return h(
    'div',
    { class: 'page-head' },
    h(
      'div',
      {},
      h('h1', {}, profile.name ?? profile.memberId),
      h(
        'span',
        { class: 'muted' },
        `${profile.memberId} · ${words(profile.segment)} · member since ${dateOf(profile.registeredAt)}`,
      ),
    ),
    badge(words(profile.status), profile.status === 'active' ? 'good' : 'medium'),
    risk === null ? null : badge(`Risk ${risk.score}`, riskKind(risk.level)),
    profile.staffId === null ? null : badge(`Staff ${profile.staffId}`, 'medium'),
    profile.politicallyExposed ? badge('Politically exposed', 'high') : null,
    profile.sanctionsHit ? badge('Sanctions list', 'critical') : null,
  )
}

/** @param {Member} member */
function riskCard({ risk }) {
  if (risk === null) return card('Risk', [empty('No score yet.')])
  const x = (risk.score / 1_000) * 100
  const marker = s(
    'svg',
    { viewBox: '0 0 100 18', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    s('rect', { x: Math.max(0, x - 0.6), y: 0, width: 1.2, height: 18, fill: 'currentColor' }),
  )
  const reasons = risk.reasons.map((reason) =>
    h(
      'li',
      {},
      h('div', { class: 'between' }, h('span', {}, reason.words), h('b', {}, `+${reason.points}`)),
      bar(
        reason.points / Math.max(1, risk.score),
        reason.points >= 200 ? 'critical' : reason.points >= 100 ? 'high' : '',
      ),
      h('div', { class: 'muted' }, reason.values.map(({ label, words: text }) => `${label}: ${text}`).join(' · ')),
    ),
  )
  return card('Risk', [
    h(
      'div',
      { class: 'body' },
      h(
        'div',
        { class: 'score' },
        h('b', {}, String(risk.score)),
        h('span', { class: 'muted' }, 'of 1000'),
        badge(risk.level, riskKind(risk.level)),
      ),
      h('div', { class: 'meter' }, marker),
      h(
        'p',
        { class: 'muted' },
        `Calculated ${fullTime(risk.calculatedAt)} by ${risk.model} version ${risk.modelVersion}`,
      ),
    ),
    h(
      'div',
      { class: 'body' },
      reasons.length === 0
        ? h('p', { class: 'muted' }, 'Nothing adds to the score.')
        : h('ul', { class: 'reasons' }, reasons),
    ),
  ])
}

/**
 * @param {Member} member
 * @param {string | null | undefined} streamTime
 */
function flagsCard({ openFlags }, streamTime) {
  if (openFlags.length === 0) return card('Open flags', [empty('None.')])
  const rows = openFlags.map((flag) =>
    h(
      'tr',
      {},
      h('td', {}, severityMark(flag.severity)),
      h(
        'td',
        {},
        h('a', { href: `#/flags/${encodeURIComponent(flag.id)}` }, h('b', {}, flag.rule.name)),
        flag.status === 'open' ? null : h('span', {}, ' ', statusBadge(flag)),
        h('div', {}, flag.reason),
      ),
      h('td', { class: 'number muted' }, ago(flagTime(flag), streamTime ?? null)),
    ),
  )
  return card(`Open flags: ${openFlags.length}`, [table(['Severity', 'Rule and reason', '#When'], rows)])
}

/** @param {Member} member */
function loansCard({ loans, guarantees }) {
  const rows = loans.map((loan) =>
    h(
      'tr',
      {},
      h('td', {}, h('div', {}, words(loan.product)), h('div', { class: 'muted' }, loan.loanId)),
      h('td', {}, badge(words(loan.band ?? loan.status), loan.band === null ? '' : bandKind(loan.band))),
      h(
        'td',
        { class: 'number' },
        loan.outstanding.formatted,
        h('div', { class: 'muted' }, `of ${loan.principal.formatted}`),
      ),
      h(
        'td',
        { class: 'number' },
        loan.daysPastDue === 0 ? '–' : `${loan.daysPastDue} days`,
        loan.arrears.minorUnits === 0 ? null : h('div', { class: 'negative' }, loan.arrears.formatted),
      ),
    ),
  )
  const note =
    guarantees === null
      ? null
      : h(
          'p',
          { class: 'body muted' },
          `Vouches for ${guarantees.total.formatted} of ${guarantees.guarantees.length} loan${guarantees.guarantees.length === 1 ? '' : 's'} of others.`,
        )
  return card('Loans', [
    rows.length === 0 ? empty('None.') : table(['Loan', 'State', '#Outstanding', '#Past due'], rows),
    note,
  ])
}

/** @param {Member} member */
function profileCard({ profile }) {
  /** @type {[string, string | null][]} */
  const facts = [
    ['Phone', profile.phone],
    ['E-mail', profile.email],
    ['Branch', profile.branchId],
    ['Employer', profile.employerId],
    ['Identity', profile.verified ? 'Verified' : 'Not verified'],
    ['Checks', `Level ${profile.kyc.level}${profile.kyc.rating === null ? '' : `, rated ${profile.kyc.rating}`}`],
    ['Next of kin', profile.nextOfKinPhone],
    ['Address', profile.postalAddress],
    ['Bank account', profile.bankAccount],
  ]
  const pairs = facts
    .filter(([, value]) => value !== null)
    .flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])
  return card('Profile', [h('div', { class: 'body' }, h('dl', { class: 'facts' }, pairs))])
}

/**
 * @param {Member} member
 * @param {string | null | undefined} streamTime
 */
function devicesCard({ profile }, streamTime) {
  const rows = [...profile.devices]
    .reverse()
    .map((device) =>
      h(
        'tr',
        {},
        h('td', {}, h('code', {}, device.deviceId)),
        h('td', {}, dateOf(device.firstSeen)),
        h('td', { class: 'number' }, ago(device.lastSeen, streamTime ?? null)),
      ),
    )
  return card('Devices', [
    rows.length === 0 ? empty('None seen.') : table(['Device', 'First seen', '#Last seen'], rows),
  ])
}
