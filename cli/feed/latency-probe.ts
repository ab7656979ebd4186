import type { AnalyticsEvent, RegisteredSchemas } from '#schemas'
import type { Consumer, FetchedBatch, Log } from '#streams/ports'
import { createSaccoStores } from '#topologies/sacco'
import type { DueTimes } from './due-times.ts'
import type { LatencyHistogram } from './latency.ts'

/**
 * Reads, as any reader of committed records would, what the platform writes of balances and flags, and measures from
 * the due time of the event: every balance, every flag with an event that set it off.
 */
export type LatencyProbe = { close(): Promise<void> }

export type LatencyProbeOptions = {
  readonly log: Log
  readonly schemas: RegisteredSchemas
  readonly applicationId: string
  readonly due: DueTimes
  readonly nowMs: () => number
  readonly balance: LatencyHistogram
  readonly flag: LatencyHistogram
}

const POLL_RECORDS_MAX = 2_000
const POLL_BYTES_MAX = 4 * 1024 * 1024
const POLL_WAIT_MS = 200

type FlagEvent = Extract<AnalyticsEvent, { readonly event_type: 'fraud.detected' }>

export async function startLatencyProbe(options: LatencyProbeOptions): Promise<LatencyProbe> {
  const { log, schemas, applicationId, due, nowMs } = options
  const stores = createSaccoStores(schemas)
  const { history } = stores.balances
  const { flags } = stores.fraud
  const historyTopic = `${applicationId}-${history.name}-changelog`
  const flagsTopic = `${applicationId}-${flags.name}-changelog`

  const take = ({ topic, records }: FetchedBatch, seenAtMs: number): void => {
    for (const { value } of records) {
      if (value === null) continue
      if (topic === historyTopic) {
        // The first appearance only: a late posting writes later entries of the account again.
        const dueAtMs = due.takeForBalance(history.valueSerde.deserialize(value, topic).event_id)
        if (dueAtMs !== undefined) options.balance.add(seenAtMs - dueAtMs)
        continue
      }
      const event = flags.valueSerde.deserialize(value, topic)
      if (event.event_type !== 'fraud.detected') continue
      const dueAtMs = triggerDueAtMs(event, due)
      if (dueAtMs !== undefined) options.flag.add(seenAtMs - dueAtMs)
    }
  }
  const consumer = await startConsumer(log, [historyTopic, flagsTopic])
  let closing = false
  const running = (async () => {
    while (!closing) {
      const batches = await consumer.poll(POLL_WAIT_MS)
      const seenAtMs = nowMs()
      for (const batch of batches) take(batch, seenAtMs)
    }
    await consumer.close()
  })()
  return {
    close: () => {
      closing = true
      consumer.wakeup()
      return running
    },
  }
}

/**
 * The event that set a flag off is the one of its evidence that happened when the flag was detected. Flags that the
 * passing of time sets off (an instalment that was never paid) have none.
 */
function triggerDueAtMs({ data }: FlagEvent, due: DueTimes): number | undefined {
  let latest: number | undefined
  for (const { event_id, timestamp } of data.evidence) {
    if (timestamp !== data.detected_at) continue
    const dueAtMs = due.get(event_id)
    if (dueAtMs !== undefined && (latest === undefined || dueAtMs > latest)) latest = dueAtMs
  }
  return latest
}

async function startConsumer(log: Log, topics: readonly string[]): Promise<Consumer> {
  const described = await log.admin.describeTopics(topics)
  const partitions = [...described.values()].flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const consumer = await log.createConsumer({
    clientId: 'mto-load-latency',
    isolation: 'read_committed',
    pollRecordsMax: POLL_RECORDS_MAX,
    pollBytesMax: POLL_BYTES_MAX,
  })
  consumer.assign(await log.admin.endOffsets(partitions))
  return consumer
}
