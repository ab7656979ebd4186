import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaLog } from '#connectors/kafka'
import { MEMBERS } from '../topologies/event.ts'
import type { Configuration, Peer } from './configurations.ts'
import { type Outputs, readOutputs, readState, type State } from './outputs.ts'
import type { RunningPeer } from './peer-process.ts'
import { measureRestore, type RestoreResult } from './restore.ts'
import type { Told } from './told.ts'
import { PREFIX, PRELOADED } from './topics.ts'
import { endsOf, partitionsOf, type Run, removeFromBroker, startIn, type World } from './world.ts'

export type ThroughputResult = {
  readonly eventsPerSecondFromStart: number
  /** From the moment when it first says that it has processed records; what it has by then is not counted. */
  readonly eventsPerSecondFromFirst: number
  readonly secondsToFirst: number
  readonly cpuSeconds: number
  readonly cpuSecondsPerMillion: number
  readonly coresUsed: number
  readonly residentMiBMax: number
  readonly outputs: Outputs
  readonly states: readonly State[]
  readonly restore?: RestoreResult
}

/** Whose changelogs are compared: both sides write them in the same formats. */
const STORES = ['members', 'balances', 'activity']
/** Longer intervals are not waited out: the process is told to end, and commits once more as it does. */
const COMMIT_WAIT_MS_MAX = 1_000
const COMMITTED_POLL_MS = 10
const FIRST_RECORD_MS_MAX = 120_000
const RUN_MS_MAX = 900_000

/** One peer reads all events once, with a new application id; then it restores its state, if that is asked for. */
export async function measureThroughput(
  world: World,
  peer: Peer,
  configuration: Configuration,
  round: number,
): Promise<ThroughputResult> {
  const { log, options, directory } = world
  const applicationId = `${PREFIX}${peer}-${configuration.name}-${round}`
  const run = { peer, configuration, applicationId }
  const before = await endsOf(log, PRELOADED.output)
  const running = await startIn(world, run, PRELOADED, false)
  let measured: Omit<ThroughputResult, 'outputs' | 'states'>
  try {
    measured = await untilDone(running, log, run, options.events)
  } finally {
    await running.stop()
  }
  const outputs = await readOutputs(log, before, await endsOf(log, PRELOADED.output))
  const states: State[] = []
  for (const store of STORES)
    states.push(await readState(log, store, await endsOf(log, `${applicationId}-${store}-changelog`)))
  const state = join(directory, applicationId)
  await rm(state, { recursive: true })
  const restore = options.restore ? await measureRestore(world, run) : undefined
  await rm(state, { recursive: true, force: true })
  await removeFromBroker(log, applicationId)
  return { ...measured, outputs, states, ...(restore === undefined ? {} : { restore }) }
}

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
