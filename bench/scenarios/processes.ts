import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKafkaLog } from '#connectors/kafka'
import { configurations } from '../peers/configurations.ts'
import { parseOptions } from '../peers/options.ts'
import { type RunningPeer, startPeer } from '../peers/peer-process.ts'
import type { Told } from '../peers/told.ts'
import { PREFIX, PRELOADED } from '../peers/topics.ts'
import { endsOf, partitionsOf, prepareTopics, removeFromBroker, type World } from '../peers/world.ts'
import type { Sample } from '../results/figures.ts'
import { measureIn } from '../runner/run-plan.ts'
import { MEMBERS } from '../topologies/event.ts'
import { bySize, type Scenario } from './scenario.ts'

const COUNTS = [1, 2] as const
const POLL_MS = 10
const RUN_MS_MAX = 600_000
const isCount = (each: Told): each is Extract<Told, { records: number }> => 'records' in each

/** Records that a process has processed so far; 0 before it says anything. */
async function processedBy(running: RunningPeer): Promise<number> {
  return running.until('what it says', RUN_MS_MAX, (told) => told.findLast(isCount)?.records ?? 0)
}

/** The processes share the partitions of one application; each is started like Mto's side of `make bench-peers`. */
async function measureProcesses(world: World, count: number, repeat: number): Promise<readonly Sample[]> {
  const { log, brokers, options, directory } = world
  const configuration = configurations.find(({ name }) => name === 'eos')
  if (configuration === undefined) throw new Error('the peers have no configuration eos')
  const applicationId = `${PREFIX}processes-${count}-${repeat}`
  const running: RunningPeer[] = []
  try {
    for (let index = 0; index < count; index++) {
      running.push(
        await startPeer({
          peer: 'mto',
          configuration,
          applicationId,
          brokers,
          classPath: '',
          groupProtocol: 'streams',
          topics: PRELOADED,
          isEveryUpdate: false,
          threads: 1,
          directory: join(directory, `${applicationId}-${index}`),
        }),
      )
    }
    const all = options.events + MEMBERS
    const processed = async (): Promise<number> =>
      (await Promise.all(running.map(processedBy))).reduce((sum, records) => sum + records, 0)
    let first = 0
    for (; first === 0; first = await processed()) await sleep(POLL_MS)
    const startedMs = performance.now()
    await untilCommitted(world, applicationId)
    const seconds = (performance.now() - startedMs) / 1000
    const usages = await Promise.all(running.map((each) => each.usage()))
    const cpuSeconds = usages.reduce((sum, each) => sum + each.cpuSeconds, 0)
    const name = count === 1 ? '1 process' : `${count} processes`
    return [
      {
        name: `${name}: events/s`,
        unit: 'events/s',
        better: 'higher',
        value: (options.events * (1 - first / all)) / seconds,
      },
      {
        name: `${name}: processor time, start included`,
        unit: 'µs/event',
        better: 'lower',
        value: (cpuSeconds * 1e6) / options.events,
      },
    ]
  } finally {
    for (const each of running) await each.stop()
    await removeFromBroker(log, applicationId)
  }
}

async function untilCommitted({ log }: World, group: string): Promise<void> {
  const ends = (await endsOf(log, PRELOADED.events)).filter(({ offset }) => offset > 0)
  const untilMs = Date.now() + RUN_MS_MAX
  for (;;) {
    const committed = await log.admin.committedOffsets(group, partitionsOf(PRELOADED.events))
    if (ends.every((end) => committed.some((at) => at.partition === end.partition && at.offset >= end.offset))) return
    if (Date.now() > untilMs) throw new Error(`${group} did not commit all events in ${RUN_MS_MAX / 60_000} minutes`)
    await sleep(POLL_MS)
  }
}

export const processes: Scenario = {
  name: 'processes',
  title: 'Processes on Kafka (peer topology, one stream thread each, exactly-once)',
  about: '1 and 2 processes on a Kafka broker: with --kafka only, since the embedded log belongs to one process',
  repeats: 3,
  async measure({ brokers, size, repeat, write }) {
    if (brokers === undefined) {
      write(
        'The embedded log belongs to one process: there is nothing to divide. Give a broker with --kafka host:port.',
      )
      return []
    }
    const events = bySize(size, { tiny: 2_000, quick: 200_000, full: 1_000_000 })
    const options = parseOptions(['--events', String(events), '--peers', 'mto', '--threads', '1'])
    if (options === undefined) throw new Error('options without --help are never undefined')
    const log = await createKafkaLog({ brokers, clientId: `${PREFIX}processes` })
    try {
      return await measureIn(async (directory) => {
        const world: World = { log, brokers, classPath: '', directory, options, write }
        await prepareTopics(world)
        const samples: Sample[] = []
        for (const count of COUNTS) samples.push(...(await measureProcesses(world, count, repeat)))
        await removeFromBroker(log, PREFIX)
        return samples
      })
    } finally {
      await log.close()
    }
  },
}
