import { asSchemaRegistry, createEmbeddedRegistry, createMemoryStore } from '#connectors/schema-registry'
import {
  accountId,
  agentId,
  branchId,
  createEvent,
  createTopicSerde,
  deviceId,
  type EventOf,
  eventId,
  memberId,
  registerSchemas,
  SACCO_EVENTS,
  transactionId,
} from '../index.ts'

/**
 * Records per second through the serde of the transaction topic, with a deposit as an M-Pesa agent makes it, and JSON
 * for comparison. Run with `node schemas/testing/serde-bench.ts`.
 */
const TOPIC = 'sacco.transaction.events'
const RECORDS = 200_000
const ROUNDS = 3

function deposit(i: number): EventOf<'deposit.completed'> {
  const time = new Date(1_767_225_600_000 + i).toISOString()
  return createEvent('deposit.completed', {
    event_id: eventId(`01J${String(i).padStart(23, '0')}`),
    timestamp: time,
    data: {
      transaction_id: transactionId(`tx-${i}`),
      member_id: memberId(`m-${i % 10_000}`),
      account_id: accountId(`a-${i % 10_000}-fosa`),
      amount_minor: 10_000 + i,
      currency: 'KES',
      origin: {
        channel: 'mpesa',
        initiated_by: 'member',
        branch_id: branchId('b-7'),
        agent_id: agentId(`agent-${i % 200}`),
        device_id: deviceId(`device-${i % 9_000}`),
        phone: `2547${String(i % 10_000_000).padStart(8, '0')}`,
        latitude: -1.2921,
        longitude: 36.8219,
      },
      control: {},
      counterparty: { name: 'Wanjiku Kamau', phone: '254700000001' },
      mpesa_receipt: `RLA${String(i).padStart(7, '0')}`,
      occurred_at: time,
    },
    metadata: { source: 'sacco-backend', correlation_id: `req-${i}` },
  })
}

function measure(name: string, count: number, run: (i: number) => unknown): void {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = performance.now()
    for (let i = 0; i < count; i++) run(i)
    best = Math.min(best, performance.now() - startMs)
  }
  const perSecond = Math.round((count / best) * 1_000)
  console.log(
    `${name.padEnd(24)} ${perSecond.toLocaleString('en').padStart(12)} records/s  ${((best / count) * 1e6).toFixed(0)} ns each`,
  )
}

const registry = asSchemaRegistry(await createEmbeddedRegistry(createMemoryStore()))
const schemas = await registerSchemas({ registry, definitions: SACCO_EVENTS })
const serde = createTopicSerde(TOPIC, schemas)
const events = Array.from({ length: RECORDS / 10 }, (_, i) => deposit(i))
const encoded = events.map((event) => serde.serialize(event, TOPIC))
const json = events.map((event) => JSON.stringify(event))
const at = (i: number): number => i % events.length
console.log(`bytes per record: Avro ${encoded[0]?.length}, JSON ${json[0]?.length}`)
measure('Avro serialize', RECORDS, (i) => serde.serialize(events[at(i)] as never, TOPIC))
measure('Avro deserialize', RECORDS, (i) => serde.deserialize(encoded[at(i)] as never, TOPIC))
measure('JSON.stringify', RECORDS, (i) => JSON.stringify(events[at(i)]))
measure('JSON.parse', RECORDS, (i) => JSON.parse(json[at(i)] as string))
