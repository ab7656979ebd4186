import { createEncoder, createSacco, events, type LoadRecord } from '#load'
import { createTopicSerde, localSchemas } from '#schemas'
import type { Prng } from '#streams/base'
import { utf8Encode } from '#streams/base'
import { config } from '../../topologies/sacco/application.ts'
import { SACCO_DEFINITIONS } from '../../topologies/sacco/stores.ts'
import { createSaccoTopology } from '../../topologies/sacco/topology.ts'
import type { FinalPartition } from './log-host.ts'
import type { SimulatedApplication, SimulatedRecord } from './workload.ts'

const ACCOUNTING_TOPIC = 'sacco.accounting.events'
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
  check: checkJournals,
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

/** Money is neither made nor lost: the postings of every journal, and so of all of them, sum to zero. */
function checkJournals(partitions: readonly FinalPartition[]): void {
  const serde = createTopicSerde(ACCOUNTING_TOPIC, localSchemas(SACCO_DEFINITIONS))
  let sum = 0
  for (const { topic, records: found } of partitions) {
    if (topic !== ACCOUNTING_TOPIC) continue
    for (const { record, tag } of found) {
      if (tag === undefined || record.value === null) continue
      const journal = serde.deserialize(record.value, topic, record.headers) as unknown as Journal
      for (const line of journal.data.lines ?? []) sum += line.side === 'debit' ? line.amount_minor : -line.amount_minor
    }
  }
  if (sum !== 0) throw new Error(`the postings of all journals sum to ${sum}, not to zero`)
}
