import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaLog } from '#connectors/kafka'
import { MEMBERS } from '../topologies/event.ts'
import type { RunningPeer } from './peer-process.ts'
import type { Told } from './told.ts'
import { PRELOADED } from './topics.ts'
import { partitionsOf, type Run } from './world.ts'

/** Longer intervals are not waited out: the process is told to end, and commits once more as it does. */
const COMMIT_WAIT_MS_MAX = 1_000
const COMMITTED_POLL_MS = 10
const FIRST_RECORD_MS_MAX = 120_000
const RUN_MS_MAX = 900_000

/** Until all events are processed and committed. */
export async function untilDone(
  running: RunningPeer,
  log: KafkaLog,
  { configuration, applicationId }: Run,
  events: number,
) {
  const first = await running.until('its first record', FIRST_RECORD_MS_MAX, (told) => {
    const found = told.find(({ kind }) => kind === 'processed')
    return found?.kind === 'processed' ? found : undefined
  })
  const total = events + MEMBERS
  await running.until('the last record', RUN_MS_MAX, (told) => (processedOf(told) >= total ? true : undefined))
  if ((configuration.commitIntervalMs ?? 0) > COMMIT_WAIT_MS_MAX) running.terminate()
  await untilCommitted(log, applicationId)
  const endMs = Date.now()
  const { cpuSeconds, residentMiBMax } = await running.usage()
  const seconds = (endMs - running.startedMs) / 1000
  // When a process first says that it has processed records, these are some already: they do not count.
  const shareAfterFirst = 1 - first.records / total
  return {
    eventsPerSecondFromStart: events / seconds,
    eventsPerSecondFromFirst: ((events * shareAfterFirst) / (endMs - first.atMs)) * 1000,
    secondsToFirst: (first.atMs - running.startedMs) / 1000,
    cpuSeconds,
    cpuSecondsPerMillion: (cpuSeconds / events) * 1e6,
    coresUsed: cpuSeconds / seconds,
    residentMiBMax,
  }
}

function processedOf(told: readonly Told[]): number {
  const last = told.findLast((each) => 'records' in each)
  return last?.records ?? 0
}

async function untilCommitted(log: KafkaLog, group: string): Promise<void> {
  const inputs = [...partitionsOf(PRELOADED.events), ...partitionsOf(PRELOADED.members)]
  const ends = (await log.admin.endOffsets(inputs)).filter(({ offset }) => offset > 0)
  const untilMs = Date.now() + FIRST_RECORD_MS_MAX
  for (;;) {
    const committed = await log.admin.committedOffsets(group, inputs)
    const isThere = ends.every((end) =>
      committed.some((at) => at.topic === end.topic && at.partition === end.partition && at.offset >= end.offset),
    )
    if (isThere) return
    if (Date.now() > untilMs) throw new Error(`${group} processed all records, but did not commit them`)
    await sleep(COMMITTED_POLL_MS)
  }
}
