import { createEventSerde, createTopicSerde, type RegisteredSchemas, SACCO_EVENTS, type SaccoEvent } from '#schemas'
import { type Header, type KStream, nullable, type Serde, type StreamsBuilder, serdes } from '#streams'
import { LOANS_SOURCE } from '../loans/loans.ts'
import type { MembersStoreSpec } from '../members/stores.ts'
import { DEAD_LETTER_TOPIC, LATE_TOPIC } from '../shared/names.ts'
import { OWN_HEADER } from '../shared/own-header.ts'
import type { Activities } from '../shared/signals.ts'
import { isRefused, isTaken, markLate, type Refused, takeEvents } from './intake.ts'
import type { IntakeStores } from './stores.ts'
import { timestampOf } from './timestamps.ts'

export type IntakeNeeds = {
  readonly builder: StreamsBuilder
  readonly schemas: RegisteredSchemas
  readonly stores: IntakeStores
  readonly members: MembersStoreSpec
  readonly statePartitions: number
}

/**
 * Everything that comes in, by member, in the tasks of the members. Transactions and accounting events have the right
 * partitions already; members, loans and payments are brought to as many by a repartition topic each. What is refused
 * goes to the late topic or to the dead letters.
 */
export function takeIn(needs: IntakeNeeds): Activities {
  const { schemas, stores, members } = needs
  const outcome = sources(needs).processValues(
    takeEvents({ stores, members, directTopics: ['sacco.transaction.events', 'sacco.accounting.events'] }),
    { name: 'intake' },
  )
  const value = createEventSerde(SACCO_EVENTS, schemas)
  for (const [topic, name] of [
    [LATE_TOPIC, 'late'],
    [DEAD_LETTER_TOPIC, 'dead-letters'],
  ] as const) {
    outcome
      .filter((_key, result) => isRefused(result) && result.topic === topic, { name: `${name}-only` })
      .mapValues((result) => (result as Refused).refused, { name: `${name}-events` })
      .to(topic, { name: `${name}-to`, value })
  }
  const taken = outcome.filter((_key, result): result is SaccoEvent => isTaken(result), { name: 'taken' })
  // Every event is an activity; that a stream of events may be read as one of activities, the types do not say.
  return taken as unknown as Activities
}

function sources({ builder, schemas, statePartitions }: IntakeNeeds): KStream<string, SaccoEvent> {
  const any = { key: serdes.string, value: createEventSerde(SACCO_EVENTS, schemas) }
  const read = <Topic extends Parameters<typeof createTopicSerde>[0]>(topic: Topic) =>
    builder.stream(topic, {
      key: nullable(serdes.string),
      value: createTopicSerde(topic, schemas) as unknown as Serde<SaccoEvent>,
      timestampExtractor: timestampOf,
      name: `read-${topic}`,
    })
  const byMember = (topic: Parameters<typeof createTopicSerde>[0], name: string) =>
    read(topic)
      .filter((_key, event) => event.metadata.source !== LOANS_SOURCE, { name: `${name}-of-others` })
      .process(markLate(), { name: `${name}-lateness` })
      .selectKey((key, event) => memberIdOf(event) ?? key ?? '', { name: `${name}-key` })
      .repartition({ name: `${name}-by-member`, partitions: statePartitions, ...any })
  const accounting = builder
    .stream('sacco.accounting.events', {
      key: nullable(serdes.string),
      value: foreignOnly(createTopicSerde('sacco.accounting.events', schemas) as unknown as Serde<SaccoEvent>),
      timestampExtractor: timestampOf,
      name: 'read-sacco.accounting.events',
    })
    .filter((_key, event) => event !== null, { name: 'accounting-of-others' })
    .mapValues((event) => event as SaccoEvent, { name: 'accounting-events', value: any.value })
  // Keys may be missing in what comes from outside; the intake refuses such events by their key.
  const transactions = read('sacco.transaction.events') as KStream<string, SaccoEvent>
  return transactions
    .merge(byMember('sacco.member.events', 'members'), { name: 'with-members' })
    .merge(byMember('sacco.loan.events', 'loans'), { name: 'with-loans' })
    .merge(byMember('sacco.payment.events', 'payments'), { name: 'with-payments' })
    .merge(accounting as KStream<string, SaccoEvent>, { name: 'with-accounting' })
}

function memberIdOf(event: SaccoEvent): string | null {
  return (event.data as { readonly member_id?: string | null }).member_id ?? null
}

function foreignOnly(inner: Serde<SaccoEvent>): Serde<SaccoEvent | null> {
  const isOwn = (headers: readonly Header[] | undefined) => headers?.some(({ key }) => key === OWN_HEADER.key) ?? false
  return {
    ...nullable(inner),
    deserialize: (bytes, topic, headers) => (isOwn(headers) ? null : inner.deserialize(bytes, topic, headers)),
  }
}
