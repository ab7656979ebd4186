import { createEncoder, createSacco, events, type LoadRecord } from '#load'
import { createRecordSerde, createTopicSerde, localSchemas } from '#schemas'
import { type Prng, utf8Decode, utf8Encode } from '#streams/base'
import type { Serde } from '#streams/ports'
import { config } from '../../topologies/sacco/application.ts'
import { MEMBER_ACCOUNTS } from '../../topologies/sacco/balances/chart-of-accounts.ts'
import { accountBalanceDefinition, ledgerTotalDefinition } from '../../topologies/sacco/balances/stores.ts'
import { SACCO_DEFINITIONS } from '../../topologies/sacco/stores.ts'
import { createSaccoTopology } from '../../topologies/sacco/topology.ts'
import type { FinalPartition } from './log-host.ts'
import { APPLICATION_ID } from './plan.ts'
import type { SimulatedApplication, SimulatedRecord } from './workload.ts'

const ACCOUNTING_TOPIC = 'sacco.accounting.events'
const LEDGER_CHANGELOG = `${APPLICATION_ID}-ledger-accounts-changelog`
const BALANCES_CHANGELOG = `${APPLICATION_ID}-balances-changelog`
const START_MS = Date.parse('2026-02-20T00:00:00+03:00')
const DAY_MS = 86_400_000
const PARTITIONS = 2
const MEMBERS = 100
const MEMBERS_FOLLOWED = 8
const RECORDS_MAX = 200
const READ: ReadonlySet<string> = new Set(
  ['member', 'transaction', 'loan', 'payment'].map((name) => `sacco.${name}.events`),
)

/** The whole SACCO, with a population so small that a run stays short, and with everything that can go wrong in it. */
export const saccoApplication: SimulatedApplication = {
  name: 'sacco',
  weight: 3,
  partitions: PARTITIONS,
  // Events of members who are not known yet wait by the wall clock.
  usesWallClock: true,
  config: {
    deserializationExceptionHandler: config.deserializationExceptionHandler,
    processingExceptionHandler: config.processingExceptionHandler,
    deadLetterTopic: config.deadLetterTopic,
    ownedTopics: config.ownedTopics,
  },
  build: () => createSaccoTopology(localSchemas(SACCO_DEFINITIONS), { statePartitions: PARTITIONS }),
  records,
  check: checkMoney,
}

const encode = createEncoder(localSchemas(SACCO_DEFINITIONS))

/** What a few of the members do: all events that name one of them. */
function records(prng: Prng): readonly SimulatedRecord[] {
  const sacco = createSacco({ seed: prng.below(1_000_000), members: MEMBERS, startMs: START_MS })
  const flaws = { late: 0.05, outOfOrder: 0.05, duplicate: 0.05, malformed: 0.05 }
  const stream = events(sacco, { untilMs: START_MS + DAY_MS, traffic: { kind: 'calendar', factor: 6 }, flaws })
  const first = prng.below(MEMBERS - MEMBERS_FOLLOWED)
  const followed = sacco.members.slice(first, first + MEMBERS_FOLLOWED).map(({ id }) => `"${id}"`)
  const taken: LoadRecord[] = []
  for (const record of stream) {
    const isFollowed = READ.has(record.topic) && mentions(record, followed)
    if (isFollowed) taken.push(record)
    if (taken.length === RECORDS_MAX) break
  }
  return taken.map((record) => ({
    topic: record.topic,
    key: utf8Encode(record.key),
    value: encode(record),
    timestampMs: record.timestampMs,
  }))
}

function mentions({ event }: LoadRecord, ids: readonly string[]): boolean {
  const text = JSON.stringify(event)
  return ids.some((id) => text.includes(id))
}

type Journal = {
  readonly event_type: string
  readonly data: { readonly lines?: readonly { readonly side: 'debit' | 'credit'; readonly amount_minor: number }[] }
}

/**
 * Money is neither made nor lost: the postings of each journal sum to zero, so do the ledger totals of each task, and
 * (exactly once) what the accounts of the members hold is what the ledger says that they hold.
 */
function checkMoney(partitions: readonly FinalPartition[], isExactlyOnce: boolean): void {
  checkJournals(partitions)
  const schemas = localSchemas(SACCO_DEFINITIONS)
  const totals = partitions
    .filter(({ topic }) => topic === LEDGER_CHANGELOG)
    .map((partition) => lastValues(partition, createRecordSerde(ledgerTotalDefinition, schemas)))
  for (const [task, accounts] of totals.entries()) {
    const sum = sumOf(accounts)
    if (sum !== 0) throw new Error(`the ledger totals of partition ${task} sum to ${sum}, not to zero`)
  }
  if (!isExactlyOnce) return
  const booked = totals.reduce((sum, accounts) => sum + (accounts.get(MEMBER_ACCOUNTS.id)?.balance_minor ?? 0), 0)
  const held = partitions
    .filter(({ topic }) => topic === BALANCES_CHANGELOG)
    .reduce((sum, partition) => {
      return sum + sumOf(lastValues(partition, createRecordSerde(accountBalanceDefinition, schemas)))
    }, 0)
  if (held !== booked) throw new Error(`the accounts of the members hold ${held}, the ledger says ${booked}`)
}

function checkJournals(partitions: readonly FinalPartition[]): void {
  const serde = createTopicSerde(ACCOUNTING_TOPIC, localSchemas(SACCO_DEFINITIONS))
  for (const { topic, records: found } of partitions) {
    if (topic !== ACCOUNTING_TOPIC) continue
    for (const { record, tag } of found) {
      if (tag === undefined || record.value === null) continue
      const journal = serde.deserialize(record.value, topic, record.headers) as unknown as Journal
      let sum = 0
      for (const line of journal.data.lines ?? []) sum += line.side === 'debit' ? line.amount_minor : -line.amount_minor
      if (sum !== 0) throw new Error(`the postings of journal ${record.offset} sum to ${sum}, not to zero`)
    }
  }
}

function lastValues<V>({ topic, records: found }: FinalPartition, serde: Serde<V>): ReadonlyMap<string, V> {
  const values = new Map<string, V>()
  for (const { record } of found) {
    if (record.key === null) continue
    const key = utf8Decode(record.key)
    if (record.value === null) values.delete(key)
    else values.set(key, serde.deserialize(record.value, topic, record.headers))
  }
  return values
}

function sumOf(accounts: ReadonlyMap<string, { readonly balance_minor: number }>): number {
  let sum = 0
  for (const { balance_minor } of accounts.values()) sum += balance_minor
  return sum
}
