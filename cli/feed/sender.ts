import { createEncoder, type LoadRecord } from '#load'
import { type RegisteredSchemas, SACCO_TOPICS } from '#schemas'
import { assert, partitionForKey, utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS, type Producer } from '#streams/ports'
import {
  commitFed,
  createPlanTopic,
  FEEDER_TRANSACTIONAL_ID,
  type FeedPlan,
  type FeedState,
  PLAN_TOPIC,
  readFeedState,
} from './feed-plan.ts'

const BUFFER_BYTES_MAX = 32 * 1024 * 1024

/** Sends records with the number of the last of them in one transaction: none is lost, none comes twice. */
export type Sender = {
  readonly state: FeedState
  send(records: readonly LoadRecord[], ended?: boolean): Promise<void>
  close(): Promise<void>
}

export type SenderOptions = { readonly log: Log; readonly schemas: RegisteredSchemas; readonly plan: FeedPlan }

export async function createSender({ log, schemas, plan }: SenderOptions): Promise<Sender> {
  await createPlanTopic(log)
  // The producer first: it fences an earlier feeder, so that what is read below is the last word.
  const producer = await log.createProducer({
    clientId: 'mto-load',
    transactionalId: FEEDER_TRANSACTIONAL_ID,
    bufferBytesMax: BUFFER_BYTES_MAX,
  })
  await producer.prepareTopics([PLAN_TOPIC, ...SACCO_TOPICS.map(({ name }) => name)])
  let state = await readFeedState(log)
  if (state.records === 0) {
    producer.send(PLAN_TOPIC, 0, utf8Encode('plan'), utf8Encode(JSON.stringify(plan)), Date.now(), NO_HEADERS)
  }
  const encode = createEncoder(schemas)
  return {
    get state() {
      return state
    },
    async send(records, ended = false) {
      if (records.length === 0 && !ended) return
      for (const record of records) sendRecord(producer, record, encode(record))
      const publishedMs = records.at(-1)?.publishAtMs ?? state.publishedMs
      const next = { records: state.records + records.length, publishedMs, ended }
      await commitFed(producer, next)
      state = next
    },
    close: () => producer.close(),
  }
}

function sendRecord(producer: Producer, { topic, key, timestampMs }: LoadRecord, value: Uint8Array): void {
  const keyBytes = utf8Encode(key)
  const partitions = producer.partitionCount(topic)
  assert(partitions !== undefined, `the feeder was not prepared for topic ${topic}`)
  producer.send(topic, partitionForKey(keyBytes, partitions), keyBytes, value, timestampMs, NO_HEADERS)
}
