import { Command, InvalidArgumentError } from 'commander'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { StreamsError } from '#streams/base'
import type { CommittedOffset, PartitionOffset, TopicPartition } from '#streams/ports'
import { formatTable } from '../console/format.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, requireKafka } from '../kafka-options.ts'

type Options = KafkaCommandOptions & {
  readonly json?: true
  readonly topic?: readonly string[]
  readonly to: Target
  readonly execute?: true
}

type Target =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timestampMs: number }

export function resetCommand(): Command {
  const command = new Command('reset')
    .description(
      'Resets an application on Kafka: its input offsets are set, its internal topics (state and repartitioned records) deleted. Without --execute it only says what it would do.',
    )
    .argument('<application-id>')
    .option('--to <position>', 'earliest, latest, offset:<number> or time:<ISO date>', targetOf, { kind: 'earliest' })
    .option('--topic <topics...>', 'only these inputs; default: all that the application has committed')
    .option('--execute', 'do it')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nLocal state has to be removed too: delete state/<application-id> in each data directory.')
  return kafkaOptions(command).action(run)
}

function targetOf(text: string): Target {
  if (text === 'earliest' || text === 'latest') return { kind: text }
  const [kind, ...rest] = text.split(':')
  const value = rest.join(':')
  if (kind === 'offset' && /^\d{1,15}$/.test(value)) return { kind: 'offset', offset: Number(value) }
  const timestampMs = Date.parse(value)
  if (kind === 'time' && Number.isFinite(timestampMs)) return { kind: 'time', timestampMs }
  throw new InvalidArgumentError('It must be earliest, latest, offset:<number> or time:<ISO date>.')
}

async function run(applicationId: string, options: Options): Promise<void> {
  try {
    const log = await createKafkaLog({ ...requireKafka(options), clientId: 'mto-reset' })
    try {
      await reset(log, applicationId, options)
    } finally {
      await log.close()
    }
  } catch (error) {
    fail(error)
  }
}

async function reset(log: KafkaLog, applicationId: string, options: Options): Promise<void> {
  const group = await log.operations.streamsGroup(applicationId)
  if (group !== undefined && group.members.length > 0) {
    throw new StreamsError(
      'LOG_REFUSED',
      `application ${applicationId} has ${group.members.length} running member${group.members.length === 1 ? '' : 's'}; stop all of them before it is reset`,
    )
  }
  const isInternal = (topic: string): boolean =>
    topic.startsWith(`${applicationId}-`) && /-(changelog|repartition)$/.test(topic)
  const committed = await log.admin.committedOffsets(applicationId)
  const inputs = committed.filter(
    ({ topic }) => !isInternal(topic) && (options.topic === undefined || options.topic.includes(topic)),
  )
  const targets = await positionsOf(log, inputs, options.to)
  const topics = (await log.admin.listTopics()).filter(isInternal).sort()
  const plan = inputs.map(({ topic, partition, offset }, index) => ({
    topic,
    partition,
    from: offset,
    to: targets[index]?.offset ?? offset,
  }))
  const isDone = options.execute === true
  if (isDone) await execute(log, applicationId, { plan, topics, committed })
  if (options.json === true) {
    process.stdout.write(
      `${JSON.stringify({ applicationId, executed: isDone, offsets: plan, deletedTopics: topics })}\n`,
    )
    return
  }
  process.stdout.write(
    formatTable(
      [{ title: 'topic' }, { title: 'partition' }, { title: 'from' }, { title: 'to' }],
      plan.map(({ topic, partition, from, to }) => [topic, String(partition), String(from), String(to)]),
    ),
  )
  for (const topic of topics) process.stdout.write(`${isDone ? 'deleted' : 'would delete'} topic ${topic}\n`)
  process.stdout.write(isDone ? 'done\n' : 'nothing was changed; add --execute to do it\n')
}

type Plan = {
  readonly plan: readonly (TopicPartition & { readonly to: number })[]
  readonly topics: readonly string[]
  readonly committed: readonly CommittedOffset[]
}

/**
 * Internal topics first: whoever dies in between does it again. The group is deleted too, with the times that are
 * committed beside its offsets and with those of the internal topics; then the new offsets are set.
 */
async function execute(log: KafkaLog, applicationId: string, { plan, topics, committed }: Plan): Promise<void> {
  await log.admin.deleteTopics(topics)
  const kept = committed.filter(
    ({ topic, partition }) =>
      !topics.includes(topic) && !plan.some((each) => each.topic === topic && each.partition === partition),
  )
  await log.admin.deleteGroup(applicationId)
  const offsets = [...kept, ...plan.map(({ topic, partition, to }) => ({ topic, partition, offset: to, metadata: '' }))]
  await log.admin.alterCommittedOffsets(applicationId, offsets)
}

async function positionsOf(
  log: KafkaLog,
  inputs: readonly TopicPartition[],
  to: Target,
): Promise<readonly PartitionOffset[]> {
  const [starts, ends] = await Promise.all([log.admin.startOffsets(inputs), log.admin.endOffsets(inputs)])
  switch (to.kind) {
    case 'earliest':
      return starts
    case 'latest':
      return ends
    case 'offset':
      return inputs.map(({ topic, partition }, index) => ({
        topic,
        partition,
        offset: Math.min(Math.max(to.offset, starts[index]?.offset ?? 0), ends[index]?.offset ?? 0),
      }))
    case 'time':
      return log.admin.offsetsForTimes(inputs.map((input) => ({ ...input, timestampMs: to.timestampMs })))
    default:
      return to satisfies never
  }
}
