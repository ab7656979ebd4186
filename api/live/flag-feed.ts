import type { EventOf } from '#schemas'
import type { Clock, Log, Logger, LogRecord, PartitionOffset, Serde, TopicPartition } from '#streams/ports'
import type { LiveClient, LiveEvent } from './event-stream.ts'
import { followLog, type LogTail, readBetween } from './log-tail.ts'
import { formatPositions, parsePositions } from './positions.ts'

export type FraudDetected = EventOf<'fraud.detected'>

/** Fraud flags as they are raised, for any number of clients: one reader of the log serves all of them. */
export type FlagFeed = {
  /** With the id of the last event that a client has seen, it first gets what it missed. */
  join(client: LiveClient, lastEventId: string | undefined): Promise<void>
  leave(client: LiveClient): void
  close(): Promise<void>
}

export type FlagFeedOptions = {
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  readonly topic: string
  readonly serde: Serde<unknown>
  readonly toData: (event: FraudDetected) => object
}

/** Somebody worked on a flag: what became of it, the flag itself says shortly after. */
export type FlagTouched = { readonly flagId: string; readonly by: string; readonly eventId: string }

/** A client that missed more has to load the list again: it is told so. */
const MISSED_RECORDS_MAX = 50_000

type Joined = {
  readonly client: LiveClient
  /** Events that came while the client was catching up. */
  waiting: LiveEvent[] | undefined
}

export async function createFlagFeed(options: FlagFeedOptions): Promise<FlagFeed> {
  const { log, topic, serde, toData } = options
  const clients = new Map<LiveClient, Joined>()
  type Shown = FraudDetected | EventOf<'fraud.flag.reviewed'>
  const shownOf = (record: LogRecord): Shown | undefined => {
    if (record.value === null) return undefined
    const event = serde.deserialize(record.value, topic, record.headers) as { readonly event_type?: string }
    const isShown = event.event_type === 'fraud.detected' || event.event_type === 'fraud.flag.reviewed'
    return isShown ? (event as Shown) : undefined
  }
  const eventOf = (shown: Shown, positions: readonly PartitionOffset[]): LiveEvent => {
    const id = formatPositions(positions)
    if (shown.event_type === 'fraud.detected') return { id, event: 'flag', data: toData(shown) }
    const { event_id, data } = shown
    const touched: FlagTouched = { flagId: data.flag_id, by: data.reviewed_by, eventId: event_id }
    return { id, event: 'review', data: touched }
  }
  const tail: LogTail = await followLog({
    ...options,
    name: 'api-live-flags',
    topics: [topic],
    from: 'end',
    onRecord: (record) => {
      if (clients.size === 0) return
      const shown = shownOf(record)
      if (shown === undefined) return
      const event = eventOf(shown, tail.positions())
      for (const joined of clients.values()) {
        if (joined.waiting === undefined) joined.client.send(event)
        else joined.waiting.push(event)
      }
    },
  })

  /** Reads from the client's position to where the feed is now; what comes meanwhile waits. */
  const catchUp = async (joined: Joined, from: readonly PartitionOffset[], to: readonly PartitionOffset[]) => {
    const missed = await missedRecords(log, from, to)
    if (missed === 'too-many') {
      joined.client.send({
        id: formatPositions(to),
        event: 'gap',
        data: { reason: 'too much was missed: load the list again' },
      })
      return
    }
    const positions = new Map<string, PartitionOffset>(from.map((each) => [nameOf(each), each]))
    for (const { topic: name, partition, record } of missed) {
      positions.set(nameOf({ topic: name, partition }), { topic: name, partition, offset: record.offset + 1 })
      const shown = shownOf(record)
      if (shown !== undefined) joined.client.send(eventOf(shown, [...positions.values()]))
    }
  }
  return {
    async join(client, lastEventId) {
      const to = tail.positions()
      const from = lastEventId === undefined ? undefined : parsePositions(lastEventId, to)
      const joined: Joined = { client, waiting: [] }
      clients.set(client, joined)
      client.send({ id: formatPositions(from ?? to), event: 'hello', data: { resumed: from !== undefined } })
      if (from !== undefined) await catchUp(joined, from, to)
      for (const event of joined.waiting ?? []) client.send(event)
      joined.waiting = undefined
    },
    leave: (client) => {
      clients.delete(client)
    },
    close: async () => {
      for (const { client } of clients.values()) client.end('the server is stopping')
      clients.clear()
      await tail.close()
    },
  }
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

async function missedRecords(log: Log, from: readonly PartitionOffset[], to: readonly PartitionOffset[]) {
  const starts = await log.admin.startOffsets(to)
  const startOf = new Map(starts.map((start) => [nameOf(start), start.offset]))
  const bounded = from.map((each) => ({ ...each, offset: Math.max(each.offset, startOf.get(nameOf(each)) ?? 0) }))
  const endOf = new Map(to.map((end) => [nameOf(end), end.offset]))
  const count = bounded.reduce((sum, each) => sum + Math.max(0, (endOf.get(nameOf(each)) ?? 0) - each.offset), 0)
  if (count > MISSED_RECORDS_MAX) return 'too-many' as const
  return readBetween(log, bounded, to, MISSED_RECORDS_MAX)
}
