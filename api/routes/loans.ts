import { freshnessOf } from '../http/freshness.ts'
import { ref } from '../http/json-schema.ts'
import { pathText } from '../http/parameters.ts'
import { json, type Route, route } from '../http/route.ts'
import { readLoan, readPortfolio } from '../queries/loans.ts'
import { createTrail, RISK_LEVELS, riskLevel } from '../queries/members.ts'
import { need, type SaccoContext } from '../queries/sacco-context.ts'
import { STORES } from '../queries/stored.ts'

const tag = 'Loans'

export function loanRoutes(context: SaccoContext): readonly Route[] {
  const { reader } = context
  return [
    route({
      path: '/v1/loans/{loan}',
      operation: 'readLoan',
      right: 'members',
      tag,
      summary: 'A loan: state, arrears, band, guarantors, schedule with what is paid',
      pathParameters: { loan: pathText('Id of the loan.') },
      queryParameters: {},
      answer: { description: 'The loan.', content: { 'application/json': ref('LoanAnswer') } },
      findsById: true,
      handle: async ({ path }) => {
        need(reader, STORES.loans)
        const trail = createTrail()
        const loan = await readLoan(reader, path.loan, trail)
        return json(loan, freshnessOf(trail.all))
      },
    }),
    route({
      path: '/v1/portfolio',
      operation: 'readPortfolio',
      right: 'platform',
      tag,
      summary: 'The loan portfolio: outstanding, arrears, PAR30, by band of delinquency and by product',
      pathParameters: {},
      queryParameters: {},
      answer: { description: 'The portfolio.', content: { 'application/json': ref('Portfolio') } },
      handle: async () => {
        need(reader, STORES.portfolio)
        const trail = createTrail()
        const portfolio = await readPortfolio(reader, trail)
        return json(portfolio, freshnessOf(trail.all))
      },
    }),
    route({
      path: '/v1/risk-distribution',
      operation: 'readRiskDistribution',
      right: 'platform',
      tag: 'Members',
      summary: 'How many members have which risk score',
      pathParameters: {},
      queryParameters: {},
      answer: {
        description: 'Counts by steps of fifty points.',
        content: { 'application/json': ref('RiskDistribution') },
      },
      handle: () => {
        need(reader, STORES.riskScores)
        const scores = [...(context.riskScores?.rows.values() ?? [])]
        return json(riskDistribution(scores), context.riskScores?.freshness())
      },
    }),
  ]
}

const BIN_SIZE = 50
const SCORE_MAX = 1_000

function riskDistribution(scores: readonly number[]) {
  const bins = Array.from({ length: SCORE_MAX / BIN_SIZE }, (_, index) => ({
    from: index * BIN_SIZE,
    to: index === SCORE_MAX / BIN_SIZE - 1 ? SCORE_MAX : (index + 1) * BIN_SIZE - 1,
    members: 0,
  }))
  const levels = new Map(RISK_LEVELS.map((level) => [level, 0]))
  for (const score of scores) {
    const bin = bins[Math.min(bins.length - 1, Math.max(0, Math.floor(score / BIN_SIZE)))]
    if (bin !== undefined) bin.members++
    const level = riskLevel(score)
    levels.set(level, (levels.get(level) ?? 0) + 1)
  }
  return {
    members: scores.length,
    bins,
    levels: [...levels].map(([level, members]) => ({ level, members })),
  }
}
