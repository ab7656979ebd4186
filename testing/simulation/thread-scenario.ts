import { createMemoryEngine } from '#state-stores'
import { createPrng, type TaskId, utf8Decode, utf8Encode } from '#streams/base'
import { type GroupMembership, type MembershipEvent, NO_METRICS, SILENT_LOGGER } from '#streams/ports'
import { createStreamThread, resolveConfig, type StreamsOptions, type StreamThread } from '#streams/runtime'
import type { Topology } from '#streams/topology'
import { LogCore } from './log-core.ts'
import { createSimulatedLog } from './simulated-log.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { TraceHash } from './trace-hash.ts'
import { VirtualTime } from './virtual-time.ts'

/** One thread, told step by step what happens to it: for tests that need a certain order of events. */
export type ThreadScenario = {
  readonly core: LogCore
  readonly process: SimulatedProcess
  readonly thread: StreamThread
  /** The error that ended the thread. */
  readonly failure: () => unknown
  assign(tasks: readonly TaskId[]): void
  lose(): void
  append(topic: string, partition: number, key: string, value: string): void
  /** Lets virtual time pass. */
  run(durationMs: number): Promise<void>
  /** Committed values. */
  values(topic: string, partition: number): readonly (string | null)[]
}

const LATENCY_MS = 1

export function createThreadScenario(
  topology: Topology,
  topics: readonly string[],
  options: { readonly partitions: number } & Partial<StreamsOptions>,
): ThreadScenario {
  const { partitions, ...config } = options
  const time = new VirtualTime()
  const process = new SimulatedProcess({
    name: 'member',
    time,
    prng: createPrng(1),
    trace: new TraceHash(),
    latencyMs: LATENCY_MS,
    clockOffsetMs: () => 0,
    onFault: () => {},
    onDeath: () => {},
  })
  const core = new LogCore({ controlRecords: true, authorize: () => undefined, onOffsets: () => {} })
  core.createTopics(topics.map((name) => ({ name, partitions })))
  const events: MembershipEvent[] = []
  const membership: GroupMembership = {
    join: () => Promise.resolve(),
    poll: () => events.shift(),
    acknowledge: () => {},
    leave: () => Promise.resolve(),
  }
  const thread = createStreamThread({
    name: 'thread',
    topology,
    config: resolveConfig({ cacheBytesMax: 0, ...config, applicationId: 'scenario' }),
    log: createSimulatedLog({ core, process, time, member: 'member', lingerMs: undefined, retriesMax: 0 }),
    membership,
    stateEngine: createMemoryEngine(),
    memoryEngine: createMemoryEngine(),
    clock: process.clock,
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
  })
  let failure: unknown
  thread.run().catch((error: unknown) => {
    failure = error
  })
  return {
    core,
    process,
    thread,
    failure: () => failure,
    assign: (active) => void events.push({ kind: 'assigned', assignment: { active, standby: [] } }),
    lose: () => void events.push({ kind: 'lost', reason: 'a test' }),
    append: (topic, partition, key, value) => {
      const record = { key: utf8Encode(key), value: utf8Encode(value), timestampMs: time.nowMs, headers: [] }
      core.append([{ topic, partition, ...record }])
    },
    run: async (durationMs) => {
      const untilMs = time.nowMs + durationMs
      let isOver = false
      time.after(durationMs, () => {
        isOver = true
      })
      await time.run(() => isOver, { untilMs: untilMs + 1, ticksMax: 1_000_000 })
    },
    values: (topic, partition) =>
      core
        .slots({ topic, partition })
        .filter(({ record, transaction }) => record !== undefined && transaction?.outcome !== 'aborted')
        .map(({ record }) => (record?.value == null ? null : utf8Decode(record.value))),
  }
}
