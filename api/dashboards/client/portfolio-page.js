// @ts-check
import { get } from './api.js'
import { histogram } from './charts.js'
import { h, replace } from './dom.js'
import { count, percent } from './format.js'
import { badge, bandKind, bar, card, empty, problem, table, tile } from './parts.js'

const REFRESH_MS = 5_000

/** How the loans stand, and how risk is spread over the members. */
export class PortfolioPage {
  /** @param {import('./types.d.ts').PageContext} context */
  constructor(context) {
    this.context = context
  }

  async show() {
    await this.load()
    const timer = setInterval(() => this.load(), REFRESH_MS)
    this.context.onLeave(() => clearInterval(timer))
  }

  async load() {
    const { context } = this
    try {
      const [portfolio, risk] = await Promise.all([
        /** @type {Promise<import('./types.d.ts').Portfolio>} */ (get('/v1/portfolio', {}, context.signal)),
        /** @type {Promise<import('./types.d.ts').RiskDistribution>} */ (
          get('/v1/risk-distribution', {}, context.signal)
        ),
      ])
      replace(context.root, ...this.page(portfolio, risk))
    } catch (error) {
      if (!context.signal.aborted) replace(context.root, problem(error))
    }
  }

  /**
   * @param {import('./types.d.ts').Portfolio} portfolio
   * @param {import('./types.d.ts').RiskDistribution} risk
   * @returns {Node[]}
   */
  page(portfolio, risk) {
    const all = Math.max(1, portfolio.outstanding.minorUnits)
    return [
      h('div', { class: 'page-head' }, h('h1', {}, 'Loan portfolio')),
      h(
        'div',
        { class: 'tiles' },
        tile(
          'PAR30',
          percent(portfolio.par30Bps),
          `${portfolio.atRisk.formatted} more than 30 days past due`,
          portfolio.par30Bps > 500,
        ),
        tile('Outstanding', portfolio.outstanding.formatted, `${count(portfolio.loans)} running loans`),
        tile(
          'Arrears',
          portfolio.arrears.formatted,
          `${percent(Math.round((portfolio.arrears.minorUnits * 10_000) / all))} of what is outstanding`,
        ),
        tile('Provisions', portfolio.provision.formatted, 'by the bands below'),
      ),
      h('div', { class: 'grid two' }, this.bands(portfolio, all), this.products(portfolio, all)),
      h('div', { class: 'grid below' }, this.risk(risk)),
    ]
  }

  /**
   * @param {import('./types.d.ts').Portfolio} portfolio
   * @param {number} all
   */
  bands(portfolio, all) {
    const rows = portfolio.bands.map((band) =>
      h(
        'tr',
        {},
        h(
          'td',
          {},
          badge(band.name, bandKind(band.code)),
          h('div', { class: 'muted' }, days(band.daysFrom, band.daysTo)),
        ),
        h('td', { class: 'number' }, count(band.loans)),
        h(
          'td',
          { class: 'number' },
          band.outstanding.formatted,
          bar(band.outstanding.minorUnits / all, bandKind(band.code)),
        ),
        h(
          'td',
          { class: 'number' },
          band.provision.formatted,
          h('div', { class: 'muted' }, percent(band.provisionBps)),
        ),
      ),
    )
    const { verified, version, source } = portfolio.bandTable
    const note = verified
      ? `Table of bands, version ${version}.`
      : `Table of bands, version ${version}, not verified with the regulator. ${source}`
    return card('By days past due', [
      table(['Band', '#Loans', '#Outstanding', '#Provision'], rows),
      h('p', { class: 'body muted' }, note),
    ])
  }

  /**
   * @param {import('./types.d.ts').Portfolio} portfolio
   * @param {number} all
   */
  products(portfolio, all) {
    const rows = portfolio.products.map((product) =>
      h(
        'tr',
        {},
        h('td', {}, product.name),
        h('td', { class: 'number' }, count(product.loans)),
        h('td', { class: 'number' }, product.outstanding.formatted, bar(product.outstanding.minorUnits / all)),
        h('td', { class: 'number' }, product.arrears.minorUnits === 0 ? '–' : product.arrears.formatted),
      ),
    )
    return card('By product', [
      rows.length === 0 ? empty('No running loans.') : table(['Product', '#Loans', '#Outstanding', '#Arrears'], rows),
    ])
  }

  /** @param {import('./types.d.ts').RiskDistribution} risk */
  risk(risk) {
    const kinds = ['low', '', 'medium', 'high', 'critical']
    const bins = risk.bins.map(({ from, to, members }) => ({
      label: `${from}–${to}`,
      value: members,
      kind: kinds[Math.min(4, Math.floor(from / 200))] ?? '',
    }))
    const body = risk.members === 0 ? empty('No scores yet.') : histogram(bins, 'Members by risk score')
    const link = h('a', { href: '#/members' }, 'The riskiest members')
    return card('Members by risk score', [h('div', { class: 'body' }, body)], link)
  }
}

/**
 * @param {number} from
 * @param {number | null} to
 */
function days(from, to) {
  if (to === null) return `over ${from - 1} days`
  return from === to ? `${from} days` : `${from} to ${to} days`
}
