import { expect, test } from 'vitest'
import { DAY_MS } from '../shared/time.ts'
import { createSaccoDriver, START_MS } from '../testing/sacco-driver.ts'
import type { RiskState } from './stores.ts'

const OLD = { registered_at: new Date(START_MS - 400 * DAY_MS).toISOString() }

test('the score is the sum of its reasons, each with its values, and is told when it moves', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1', OLD)
  const risk = () => sacco.get<RiskState>('risk-scores', 'M1') as RiskState
  expect(risk()).toMatchObject({ score: 80, reasons: [{ code: 'NOT_VERIFIED', points: 80 }] })
  sacco.send('member.verified', { member_id: 'M1', verified_at: '', method: 'iprs' } as never)
  expect(risk().score).toBe(0)
  const id = sacco.send('member.credential.changed', {
    member_id: 'M1',
    credential: 'sim',
    initiated_by: 'member',
    changed_at: '',
  } as never)
  expect(risk()).toMatchObject({ score: 120, caused_by_event_id: id })
  sacco.send('withdrawal.processed', {
    member_id: 'M1',
    account_id: 'M1-F',
    amount_minor: 9_000_000,
    counterparty: { phone: '07-x' },
  } as never)
  const { score, reasons } = risk()
  expect(reasons.map(({ code }) => code)).toEqual(['FRAUD_FLAGS', 'CREDENTIAL_CHANGED', 'OUTFLOW_UNUSUAL'])
  expect(reasons.reduce((sum, { points }) => sum + points, 0)).toBe(score)
  expect(reasons[2]?.values).toEqual([
    { name: 'out_today', value: 9_000_000, unit: 'minor_units' },
    { name: 'mean_payment', value: 0, unit: 'minor_units' },
  ])
  const told = sacco.events('risk.score.calculated').map(({ data }) => [data.score_before, data.score])
  expect(told).toEqual([
    [null, 80],
    [80, 0],
    [0, 120],
    [120, score],
  ])
})

test('reasons fade with time, without events of the member', () => {
  using sacco = createSaccoDriver()
  sacco.join('M1', OLD)
  sacco.send('member.verified', { member_id: 'M1', verified_at: '', method: 'iprs' } as never)
  sacco.send('member.credential.changed', {
    member_id: 'M1',
    credential: 'pin',
    initiated_by: 'member',
    changed_at: '',
  } as never)
  sacco.wait(5 * DAY_MS)
  // Another member of the same partition moves its time on.
  for (let i = 0; i < 40; i++) sacco.join(`N${i}`)
  expect(sacco.get<RiskState>('risk-scores', 'M1')).toMatchObject({ score: 0, reasons: [], caused_by_event_id: '' })
})
