import { expect, test } from 'vitest'
import { createBalanceFold, createEncoder, createSacco, events, isFlawed, type LoadRecord } from '#load'
import { localSchemas } from '#schemas'
import { serdes } from '#streams'
import { createTestDriver, type TestDriver } from '#testing'
import { config, topics, topology } from './application.ts'
import { MEMBER_ACCOUNTS } from './balances/chart-of-accounts.ts'
import type { AccountBalance, LedgerTotal } from './balances/stores.ts'
import type { LoanState } from './loans/stores.ts'
import { STATE_PARTITIONS } from './shared/limits.ts'
import { DEAD_LETTER_TOPIC } from './shared/names.ts'
import { DAY_MS, MINUTE_MS } from './shared/time.ts'
import { SACCO_DEFINITIONS } from './stores.ts'

const START_MS = Date.parse('2026-02-20T00:00:00+03:00')
const READ: ReadonlySet<string> = new Set(
  ['member', 'transaction', 'loan', 'payment', 'accounting'].map((name) => `sacco.${name}.events`),
)

function entriesOf<V>(driver: TestDriver, name: string): readonly { readonly key: string; readonly value: V }[] {
  return Array.from({ length: STATE_PARTITIONS }, (_, partition) => [
    ...driver.store<{ all(): Iterable<{ key: string; value: V }> }>(name, partition).all(),
  ]).flat()
}

function totalsOf(entries: readonly { readonly key: string; readonly value: number }[]): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const { key, value } of entries) totals[key] = (totals[key] ?? 0) + value
  return totals
}

/** A small SACCO with everything that can go wrong, through the real partitions, with crashes in the middle. */
function run(crashEvery: number) {
  const sacco = createSacco({ seed: 31, members: 300, startMs: START_MS })
  const flaws = { late: 0.03, outOfOrder: 0.03, duplicate: 0.04, malformed: 0.02 }
  const records: readonly LoadRecord[] = [
    ...events(sacco, { untilMs: START_MS + DAY_MS, traffic: { kind: 'calendar', factor: 4 }, flaws }),
  ].filter(({ topic }) => READ.has(topic))
  const encode = createEncoder(localSchemas(SACCO_DEFINITIONS))
  const partitionsOf = Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions]))
  const driver = createTestDriver(topology(), { applicationId: 'sacco', partitionsOf, config, commitEvery: 40 })
  const inputs = new Map(
    topics.map(({ name }) => [name, driver.inputTopic(name, { key: serdes.string, value: serdes.bytes })]),
  )
  const fold = createBalanceFold()
  for (const [index, record] of records.entries()) {
    const { key, timestampMs, topic, kind, event } = record
    inputs.get(topic)?.pipeRecord({ key, value: encode(record), timestampMs })
    if (!isFlawed(kind) || kind === 'negative-amount') fold.add(event, topic)
    if (index % crashEvery === crashEvery - 1) driver.crashAndLoseState()
  }
  for (let round = 0; round < 6; round++) {
    driver.advanceWallClock(MINUTE_MS)
    driver.commit()
  }
  return { driver, records, fold: fold.result() }
}

test('books, loans and the account of all inputs agree with the events, with everything wrong and with crashes', () => {
  const { driver, records, fold } = run(700)
  using _ = driver
  const balances = new Map(entriesOf<AccountBalance>(driver, 'balances').map(({ key, value }) => [key, value]))
  for (const [id, account] of fold.accounts) {
    const { balanceMinor, heldMinor } = account
    expect(balances.get(id), id).toMatchObject({ balance_minor: balanceMinor, held_minor: heldMinor })
  }
  expect(balances.size).toBe(fold.accounts.size)
  const loans = new Map(entriesOf<LoanState>(driver, 'loans').map(({ key, value }) => [key, value]))
  for (const [id, { outstandingMinor }] of fold.loans)
    expect(loans.get(id)?.outstanding_minor, id).toBe(outstandingMinor)

  const ledger = entriesOf<LedgerTotal>(driver, 'ledger-accounts').map(({ key, value }) => ({
    key,
    value: value.balance_minor,
  }))
  expect(ledger.reduce((sum, { value }) => sum + value, 0)).toBe(0)
  const ofMembers = [...balances.values()].reduce((sum, { balance_minor }) => sum + balance_minor, 0)
  expect(totalsOf(ledger)[MEMBER_ACCOUNTS.id]).toBe(ofMembers)

  const outcomes = totalsOf(
    entriesOf<number>(driver, 'input-accounting').map(({ key, value }) => ({
      key: key.split('|')[1] as string,
      value,
    })),
  )
  const dead = driver
    .outputTopic(DEAD_LETTER_TOPIC, { key: serdes.nullable(serdes.string), value: serdes.bytes })
    .readAll()
  const { processed = 0, duplicate = 0, late = 0 } = outcomes
  // Duplicates are dead letters too.
  expect(processed + late + dead.length).toBe(records.length)
  const kinds = (kind: LoadRecord['kind']) => records.filter((record) => record.kind === kind).length
  expect(late).toBe(kinds('year-late'))
  expect(duplicate).toBe(kinds('duplicate'))
  expect(kinds('undecodable') + kinds('year-late') + kinds('unknown-member')).toBeGreaterThan(3)
}, 60_000)
