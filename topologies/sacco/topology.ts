import { createEventSerde, createRecordSerde, createTopicSerde, definitionOf, type RegisteredSchemas } from '#schemas'
import { createStreamsBuilder, type StreamsBuilder, serdes, type Topology } from '#streams'
import { keepBalances } from './balances/keep-balances.ts'
import {
  isJournal,
  isOwnPosting,
  isPosting,
  type JournalEvent,
  type OwnPosting,
  postJournals,
} from './balances/post-journals.ts'
import { type AccountPosting, accountPostingDefinition } from './balances/stores.ts'
import { watchEntities } from './fraud/entities.ts'
import type { FraudFlag } from './fraud/flags.ts'
import { keepFlags } from './fraud/keep-flags.ts'
import { isFlag, isSignal, watchMembers } from './fraud/member-rules.ts'
import { createRuleBook, keepRuleBook, type RuleBook } from './fraud/rule-book.ts'
import { sendEntitySignals } from './fraud/send-entity-signals.ts'
import { takeIn } from './intake/sources.ts'
import { type BandBook, createBandBook, keepBandBook } from './loans/band-book.ts'
import { keepLoans, type LoanOutput } from './loans/loans.ts'
import { keepMembers } from './members/members.ts'
import { scoreMembers } from './risk/risk.ts'
import { STATE_PARTITIONS } from './shared/limits.ts'
import { ENTITY_SIGNALS_TOPIC, MEMBER_SIGNALS_TOPIC } from './shared/names.ts'
import { memberSignalsOf } from './shared/send-signals.ts'
import {
  type Activities,
  type Activity,
  entitySignalDefinition,
  type LoanAged,
  type MemberSignal,
  memberSignalDefinition,
} from './shared/signals.ts'
import { createSaccoStores, type SaccoStores } from './stores.ts'
import { countVelocity } from './velocity/velocity.ts'

const ANALYTICS = 'sacco.analytics.events'
const key = serdes.string

/** What the parts below share: made once per topology, so once per stream thread. */
type Parts = {
  readonly builder: StreamsBuilder
  readonly schemas: RegisteredSchemas
  readonly stores: SaccoStores
  readonly rules: RuleBook
  readonly bands: BandBook
  readonly statePartitions: number
}

export type SaccoTopologyOptions = {
  /** Tasks that hold state; fixed once anything was stored. Topics that they read must have as many. */
  readonly statePartitions?: number
}

/**
 * The SACCO as one application:
 *
 *     events ─ intake ─┬─ members      profile                            ┐
 *                      ├─ journals ── balances and history                │ in the tasks
 *                      ├─ velocity     windows and sessions               │ of the members
 *                      ├─ loans        schedule, bands, portfolio         │
 *                      ├─ rules ── flags, signals to other members        │
 *                      └─ risk score                                      ┘
 *     signals by device, phone, staff, receipt ── rules about them ── flags
 *     flags ── by id, by member
 *
 * The order of the processors matters: each finds in the stores what those before it made of the same event.
 */
export function createSaccoTopology(
  schemas: RegisteredSchemas,
  { statePartitions = STATE_PARTITIONS }: SaccoTopologyOptions = {},
): Topology {
  const builder = createStreamsBuilder()
  const stores = createSaccoStores(schemas)
  const parts: Parts = { builder, schemas, stores, statePartitions, rules: createRuleBook(), bands: createBandBook() }
  readTables(parts)

  const taken: Activities = takeIn({
    builder,
    schemas,
    stores: stores.intake,
    members: stores.members,
    statePartitions,
  })
  const activities = taken.merge(memberSignals(parts), { name: 'activities' })
  activities.process(keepMembers(stores.members), { name: 'members' })
  keepBooks(parts, activities)
  countVelocity(activities, stores.velocity)
  const watched = activities.merge(followLoans(parts, activities), { name: 'watched' })
  raiseFlags(parts, watched)
  scoreRisk(parts, watched)

  watchEntitySignals(parts)
  serveFlags(parts)
  return builder.build({ ensureExplicitNames: true })
}

/** Rules and bands: global tables, whole on every thread, so that a change takes effect everywhere without a restart. */
function readTables({ builder, schemas, stores, rules, bands }: Parts): void {
  builder.addGlobalStore(stores.fraud.rules, 'sacco.fraud.rules', {
    name: 'fraud-rules',
    key,
    value: createTopicSerde('sacco.fraud.rules', schemas),
    supplier: keepRuleBook(stores.fraud, rules),
  })
  builder.addGlobalStore(stores.loans.bands, 'sacco.delinquency.bands', {
    name: 'delinquency-bands',
    key,
    value: createTopicSerde('sacco.delinquency.bands', schemas),
    supplier: keepBandBook(stores.loans, bands),
  })
}

function memberSignals({ builder, schemas }: Parts): Activities {
  return builder
    .stream(MEMBER_SIGNALS_TOPIC, {
      key,
      value: createRecordSerde(memberSignalDefinition, schemas),
      name: 'read-member-signals',
    })
    .mapValues((signal): Activity => ({ event_type: 'member.signal', signal }), { name: 'signals' })
}

/**
 * Double entry: journals to the accounting topic, the members' legs to the balances, which are in the tasks of the members:
 * here, or by way of a repartition topic where an account is somebody else's.
 */
function keepBooks({ schemas, stores, statePartitions }: Parts, activities: Activities): void {
  const booked = activities.process(postJournals(stores.balances), { name: 'journals', key })
  booked
    .filter((_id, output): output is JournalEvent => isJournal(output), { name: 'journal-events' })
    .to('sacco.accounting.events', {
      name: 'journals-to',
      value: createEventSerde([definitionOf('journal.posted')], schemas),
    })
  const own = booked
    .filter((_member, output): output is OwnPosting => isOwnPosting(output), { name: 'own-postings' })
    .mapValues(({ own: posting }): AccountPosting => posting, { name: 'own-accounts' })
  booked
    .filter((_member, output): output is AccountPosting => isPosting(output), { name: 'postings' })
    .repartition({
      name: 'postings-by-member',
      partitions: statePartitions,
      key,
      value: createRecordSerde(accountPostingDefinition, schemas),
    })
    .merge(own, { name: 'all-postings' })
    .process(keepBalances(stores.balances), { name: 'balances' })
}

/** Gives back what the rules need to know beside events: loans that grow old unpaid. */
function followLoans({ schemas, stores, bands }: Parts, activities: Activities): Activities {
  type Delinquent = Exclude<LoanOutput, LoanAged>
  const changes = activities.processValues(keepLoans(stores.loans, bands), { name: 'loans' })
  changes
    .filter((_member, output): output is Delinquent => output.event_type === 'loan.delinquent', { name: 'delinquent' })
    .to('sacco.loan.events', {
      name: 'delinquent-to',
      value: createEventSerde([definitionOf('loan.delinquent')], schemas),
    })
  return changes
    .filter((_member, output) => output.event_type === 'loan.aged', { name: 'aged-only' })
    .mapValues((output): Activity => output, { name: 'aged-loans' })
}

function raiseFlags({ schemas, stores, rules }: Parts, watched: Activities): void {
  const { fraud, members, loans } = stores
  const signalSerde = createRecordSerde(memberSignalDefinition, schemas)
  const found = watched.process(watchMembers({ stores: fraud, members, exposure: loans.exposure, rules }), {
    name: 'rules',
    key,
  })
  found
    .filter((_member, output): output is FraudFlag => isFlag(output), { name: 'flags' })
    .to(ANALYTICS, { name: 'flags-to', value: createEventSerde([definitionOf('fraud.detected')], schemas) })
  found
    .filter((_member, output): output is MemberSignal => isSignal(output), { name: 'trails' })
    .to(MEMBER_SIGNALS_TOPIC, { name: 'trails-to', value: signalSerde })
  watched
    .flatMap((_member, event) => memberSignalsOf(event), { name: 'member-signals', key, value: signalSerde })
    .to(MEMBER_SIGNALS_TOPIC, { name: 'member-signals-to' })
  watched
    .process(sendEntitySignals(members), {
      name: 'entity-signals',
      key,
      value: createRecordSerde(entitySignalDefinition, schemas),
    })
    .to(ENTITY_SIGNALS_TOPIC, { name: 'entity-signals-to' })
}

function scoreRisk({ schemas, stores }: Parts, watched: Activities): void {
  watched
    .process(scoreMembers(stores), {
      name: 'risk-scores',
      key,
      value: createEventSerde([definitionOf('risk.score.calculated')], schemas),
    })
    .to(ANALYTICS, { name: 'risk-scores-to' })
}

/** Rules about what several members have in common, in the tasks of those things. */
function watchEntitySignals({ builder, schemas, stores, rules }: Parts): void {
  builder
    .stream(ENTITY_SIGNALS_TOPIC, {
      key,
      value: createRecordSerde(entitySignalDefinition, schemas),
      name: 'read-entity-signals',
    })
    .process(watchEntities(stores.fraud, rules), {
      name: 'entity-rules',
      key,
      value: createEventSerde([definitionOf('fraud.detected')], schemas),
    })
    .to(ANALYTICS, { name: 'entity-flags-to' })
}

function serveFlags({ builder, schemas, stores }: Parts): void {
  builder
    .stream(ANALYTICS, { key, value: createTopicSerde(ANALYTICS, schemas), name: 'read-analytics' })
    .process(keepFlags(stores.fraud), { name: 'flag-index' })
}
