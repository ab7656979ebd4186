import type { Topology } from '#streams'
import type { Log, TopicPartition } from '#streams/ports'

/** What an application has not processed yet: of its own inputs and of its repartition topics, by committed offsets. */
export type LagMeter = {
  /** Records; 0 means that everything appended before the call is processed and committed. */
  read(): Promise<number>
  /** By topic, those that are behind only. */
  readByTopic(): Promise<ReadonlyMap<string, number>>
}

export async function createLagMeter(log: Log, topology: Topology, applicationId: string): Promise<LagMeter> {
  return createTopicLagMeter(log, inputsOf(topology, applicationId), applicationId)
}

/** Topics that tasks read; internal ones are named after the application. */
export function inputsOf(topology: Topology, applicationId: string): readonly string[] {
  const names = topology.subTopologies.flatMap(({ sourceTopics }) =>
    sourceTopics.map(({ name, internal }) => (internal ? `${applicationId}-${name}` : name)),
  )
  return [...new Set(names)]
}

export async function createTopicLagMeter(log: Log, topics: readonly string[], group: string): Promise<LagMeter> {
  const described = await log.admin.describeTopics(topics)
  const partitions: TopicPartition[] = [...described.values()].flatMap((topic) =>
    Array.from({ length: topic.partitions }, (_, partition) => ({ topic: topic.name, partition })),
  )
  const readByTopic = async (): Promise<ReadonlyMap<string, number>> => {
    // Commits first: what is appended between the two questions counts as behind, never as done.
    const committed = await log.admin.committedOffsets(group)
    const [starts, ends] = await Promise.all([log.admin.startOffsets(partitions), log.admin.endOffsets(partitions)])
    const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`
    const positions = new Map(starts.map((start) => [nameOf(start), start.offset]))
    for (const { topic, partition, offset } of committed) {
      const name = nameOf({ topic, partition })
      positions.set(name, Math.max(offset, positions.get(name) ?? 0))
    }
    const behind = new Map<string, number>()
    for (const end of ends) {
      const records = Math.max(0, end.offset - (positions.get(nameOf(end)) ?? 0))
      if (records > 0) behind.set(end.topic, (behind.get(end.topic) ?? 0) + records)
    }
    return behind
  }
  return {
    readByTopic,
    read: async () => [...(await readByTopic()).values()].reduce((sum, records) => sum + records, 0),
  }
}

export type CaughtUp = { readonly caughtUp: boolean; readonly lagRecords: number; readonly elapsedMs: number }

/** Waits until nothing is left to process; gives up when the lag has not fallen for `patienceMs`. */
export async function waitUntilCaughtUp(
  lag: LagMeter,
  options: {
    readonly sleep: (ms: number) => Promise<void>
    readonly nowMs: () => number
    readonly patienceMs?: number
    readonly onLag?: (records: number) => void
  },
): Promise<CaughtUp> {
  const { sleep, nowMs, patienceMs = 60_000, onLag } = options
  const startedMs = nowMs()
  let lowest = Number.POSITIVE_INFINITY
  let loweredMs = startedMs
  for (;;) {
    const lagRecords = await lag.read()
    const now = nowMs()
    onLag?.(lagRecords)
    if (lagRecords === 0) return { caughtUp: true, lagRecords, elapsedMs: now - startedMs }
    if (lagRecords < lowest) {
      lowest = lagRecords
      loweredMs = now
    }
    if (now - loweredMs > patienceMs) return { caughtUp: false, lagRecords, elapsedMs: now - startedMs }
    await sleep(LOOK_INTERVAL_MS)
  }
}

const LOOK_INTERVAL_MS = 20
