import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaLog } from '#connectors/kafka'
import { partitionForKey, utf8Encode } from '#streams/base'
import { NO_HEADERS, type PartitionOffset, type TopicPartition } from '#streams/ports'
import { eventSerde, MEMBERS, PARTITIONS } from '../topologies/event.ts'
import type { Configuration, Peer } from './configurations.ts'
import type { PeerOptions } from './options.ts'
import { type RunningPeer, startPeer } from './peer-process.ts'
import { inputTopics, memberKey, type PeerTopics, PREFIX, PRELOADED, peerEvent } from './topics.ts'

/** What all runs of a comparison share. */
export type World = {
  readonly log: KafkaLog
  readonly brokers: readonly string[]
  readonly classPath: string
  /** State of the peers lies below it. */
  readonly directory: string
  readonly options: PeerOptions
  readonly write: (line: string) => void
}

export type Run = { readonly peer: Peer; readonly configuration: Configuration; readonly applicationId: string }

const BUFFER_BYTES_MAX = 32_000_000
const BUFFER_BYTES_FULL = 8_000_000
const MINUTE_MS = 60_000
const SESSION_MS_MAX = 60_000
const GROUP_POLL_MS = 500
const LIMIT_MINOR = 2_500_000

export function partitionsOf(topic: string): readonly TopicPartition[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }))
}

export function startIn(
  { brokers, classPath, directory, options }: World,
  run: Run,
  topics: PeerTopics,
  isEveryUpdate: boolean,
): Promise<RunningPeer> {
  return startPeer({
    ...run,
    brokers,
    classPath,
    topics,
    isEveryUpdate,
    directory: join(directory, run.applicationId),
    threads: options.threads,
    groupProtocol: options.groupProtocol,
    profileDirectory: options.profileDirectory,
  })
}

/** Deletes what an earlier comparison left on the broker, makes the topics anew, and writes members and events. */
export async function prepareTopics({ log, options }: World): Promise<void> {
  await removeFromBroker(log, PREFIX)
  await log.admin.createTopics(inputTopics)
  const producer = await log.createProducer({ clientId: `${PREFIX}loader`, bufferBytesMax: BUFFER_BYTES_MAX })
  await producer.prepareTopics([PRELOADED.events, PRELOADED.members])
  const send = async (topic: string, key: string, value: Uint8Array, timestampMs: number): Promise<void> => {
    const bytes = utf8Encode(key)
    producer.send(topic, partitionForKey(bytes, PARTITIONS), bytes, value, timestampMs, NO_HEADERS)
    if (producer.bytesBuffered > BUFFER_BYTES_FULL) await producer.flush()
  }
  // A whole minute, so that windows lie in the same way in each comparison; not long ago, since changelogs of windows
  // are kept by the age of what is in them.
  const firstMs = Math.floor((Date.now() - options.events) / MINUTE_MS) * MINUTE_MS
  for (let member = 0; member < MEMBERS; member++) {
    const value = utf8Encode(JSON.stringify({ name: `Member ${member}`, limitMinor: LIMIT_MINOR }))
    await send(PRELOADED.members, memberKey(member), value, firstMs - 1)
  }
  for (let number = 0; number < options.events; number++) {
    const event = peerEvent(number)
    await send(PRELOADED.events, event.memberId, eventSerde.serialize(event, PRELOADED.events), firstMs + number)
  }
  await producer.flush()
  await producer.close()
  await verifyWritten(log, PRELOADED.members, MEMBERS)
  await verifyWritten(log, PRELOADED.events, options.events)
}

async function verifyWritten(log: KafkaLog, topic: string, expected: number): Promise<void> {
  const ends = await log.admin.endOffsets(partitionsOf(topic))
  const written = ends.reduce((sum, { offset }) => sum + offset, 0)
  if (written !== expected) throw new Error(`${topic} holds ${written} records, not the ${expected} that were sent`)
}

/** Topics and groups whose names begin so. */
export async function removeFromBroker(log: KafkaLog, prefix: string): Promise<void> {
  const isOurs = (name: string): boolean => name.startsWith(prefix)
  for (const group of (await log.admin.listGroups()).filter(isOurs)) await deleteGroup(log, group)
  await log.admin.deleteTopics((await log.admin.listTopics()).filter(isOurs))
}

/** A member that was killed is in its group until its session ends: 45 s in Java's default. */
async function deleteGroup(log: KafkaLog, group: string): Promise<void> {
  const untilMs = Date.now() + SESSION_MS_MAX
  for (;;) {
    try {
      return await log.admin.deleteGroup(group)
    } catch (error) {
      if (Date.now() > untilMs || !String(error).includes('NON_EMPTY_GROUP')) throw error
      await sleep(GROUP_POLL_MS)
    }
  }
}

export async function endsOf(log: KafkaLog, topic: string): Promise<readonly PartitionOffset[]> {
  return log.admin.endOffsets(partitionsOf(topic), 'read_uncommitted')
}
