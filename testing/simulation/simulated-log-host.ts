import { present, type TaskId, utf8Decode, utf8Encode } from '#streams/base'
import type { TopicSpec } from '#streams/ports'
import { GroupCoordinator } from './group.ts'
import { LogCore } from './log-core.ts'
import type { FinalPartition, LogHost } from './log-host.ts'
import { COMMITS_TOPIC, tagOf, withoutTag } from './observed-log.ts'
import { APPLICATION_ID, prngFor } from './plan.ts'
import { createSimulatedLog } from './simulated-log.ts'
import type { World } from './world.ts'

export type SimulatedLogHost = LogHost & {
  readonly core: LogCore
  readonly group: GroupCoordinator
  /** A transaction of a stranger opens in one of these topics, and is aborted after a while. */
  hang(topics: readonly TopicSpec[], fault: { readonly durationMs: number; readonly place: number }): void
}

const NEVER_READ = utf8Encode('of a transaction that is aborted')

/** Java's clients ask for so much under exactly-once: what a dead member has begun is given up then. */
const TRANSACTION_TIMEOUT_MS = 10_000

/** Brokers that never die, over a network that fails: what the cluster of a run has in common. */
export function createSimulatedLogHost(world: World, inputs: ReadonlyMap<string, TaskId>): SimulatedLogHost {
  const { plan, time } = world
  const group = new GroupCoordinator(time, prngFor(plan.seed, 'group'), plan)
  group.setInputs(inputs)
  const committed = new Map<string, number>()
  const core = new LogCore({
    controlRecords: plan.controlRecords,
    authorize: (member, offsets) => group.authorize(member, offsets),
    onTimeOut: (callback) => time.after(TRANSACTION_TIMEOUT_MS, callback),
    onCommitted: (topic, { value }) => {
      const attempt =
        topic === COMMITS_TOPIC && value !== null ? world.registry.attempts[Number(utf8Decode(value))] : undefined
      if (attempt !== undefined) attempt.isCommitted = true
    },
    onOffsets: (member, _group, offsets) => {
      world.trace.add(`${time.nowMs} ${member} commits`)
      for (const { topic, partition, offset } of offsets) {
        const name = `${topic}/${partition}`
        const before = committed.get(name) ?? 0
        if (offset < before)
          world.violation('committed-offsets', `${name} fell from ${before} to ${offset} (${member})`)
        committed.set(name, offset)
        const task = inputs.get(name)
        const owner = task === undefined ? member : group.ownerOf(task)
        if (owner !== member)
          world.violation('one-owner', `${member} commits ${name}, whose task belongs to ${owner ?? 'nobody'}`)
      }
    },
  })
  let ends = ''
  let strangers = 0
  const committedOffsets = (): ReadonlyMap<string, number> =>
    new Map(
      core.committedOffsets(APPLICATION_ID).map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]),
    )
  return {
    core,
    group,
    hang: (topics, { durationMs, place }) => {
      const topic = topics[place % topics.length]?.name
      if (topic === undefined || core.partitionsOf(topic) === 0) return
      const partition = place % core.partitionsOf(topic)
      const id = `stranger-${strangers++}`
      const record = { topic, partition, key: NEVER_READ, value: NEVER_READ, timestampMs: 0, headers: [] }
      core.produce({ id, epoch: core.openProducer(id), request: 0 }, [record])
      time.after(durationMs, () => core.abort(id))
    },
    start: () => Promise.resolve(),
    createTopics: async (specs) => core.createTopics(specs),
    append: async ({ topic, key, value, timestampMs, headers = [] }, partition) => {
      core.append([{ topic, partition, key, value, timestampMs, headers }])
    },
    connect: (process) =>
      createSimulatedLog({
        core,
        process,
        time,
        member: process.name,
        lingerMs: plan.lingerMs,
        retriesMax: plan.retriesMax,
        onPoll: (isReordered) => {
          world.polls++
          if (isReordered) world.pollsReordered++
        },
      }),
    membershipOf: (process) => group.membershipOf(process),
    async isSettled() {
      const partitions = core
        .topicNames()
        .flatMap((topic) => Array.from({ length: core.partitionsOf(topic) }, (_, partition) => ({ topic, partition })))
        .filter(({ topic, partition }) => inputs.has(`${topic}/${partition}`))
      const before = ends
      ends = partitions.map((partition) => core.stableOffset(partition)).join()
      const offsets = committedOffsets()
      const isRead = partitions.every(({ topic, partition }) => {
        return (offsets.get(`${topic}/${partition}`) ?? 0) === core.slots({ topic, partition }).length
      })
      return isRead && before === ends && group.isConverged
    },
    describeLag: () => {
      const offsets = committedOffsets()
      return [...inputs]
        .flatMap(([name, task]) => {
          const [topic = '', partition] = name.split('/')
          const end = core.slots({ topic, partition: Number(partition) }).length
          const stable = core.stableOffset({ topic, partition: Number(partition) })
          const at = offsets.get(name) ?? 0
          return at === end
            ? []
            : `${name} is at ${at} of ${stable}/${end}, task ${task} of ${group.ownerOf(task) ?? 'nobody'}`
        })
        .concat(group.isConverged ? [] : ['members keep tasks that were revoked'])
        .join('; ')
    },
    committedOffsets: async () => committedOffsets(),
    readAll: async (topics) =>
      topics.flatMap((topic) =>
        Array.from({ length: core.partitionsOf(topic) }, (_, partition) => finalPartition(core, topic, partition)),
      ),
  }
}

function finalPartition(core: LogCore, topic: string, partition: number): FinalPartition {
  const slots = core.slots({ topic, partition })
  const seen = slots.filter(({ record, transaction }) => {
    return record !== undefined && (transaction === undefined || transaction.outcome === 'committed')
  })
  const start = core.startOffset({ topic, partition })
  return {
    topic,
    partition,
    records: seen.map(({ record }) => {
      const found = present(record, 'a record')
      return { record: withoutTag(found), tag: tagOf(found) }
    }),
    live: seen
      .filter(({ record, isRemoved }) => !isRemoved && (record?.offset ?? 0) >= start)
      .map(({ record }) => withoutTag(present(record, 'a record'))),
    endOffset: slots.length,
  }
}
