import { Command } from 'commander'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { formatTable } from '../console/format.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, requireKafka } from '../kafka-options.ts'

type Options = KafkaCommandOptions & { readonly json?: true }

export type PartitionLag = {
  readonly topic: string
  readonly partition: number
  readonly committed: number
  readonly end: number
  readonly lag: number
}

export function lagCommand(): Command {
  const command = new Command('lag')
    .description('Says how far an application (or any group) is behind the ends of its inputs, by partition.')
    .argument('<group>', 'the application id')
    .option('--json', 'print JSON')
  return kafkaOptions(command).action(run)
}

async function run(group: string, options: Options): Promise<void> {
  try {
    const log = await createKafkaLog({ ...requireKafka(options), clientId: 'mto-lag' })
    try {
      const lags = await lagsOf(log, group)
      const total = lags.reduce((sum, { lag }) => sum + lag, 0)
      if (options.json === true) process.stdout.write(`${JSON.stringify({ group, total, partitions: lags })}\n`)
      else {
        process.stdout.write(
          formatTable(
            [{ title: 'topic' }, { title: 'partition' }, { title: 'committed' }, { title: 'end' }, { title: 'lag' }],
            lags.map(({ topic, partition, committed, end, lag }) => [
              topic,
              String(partition),
              String(committed),
              String(end),
              String(lag),
            ]),
          ),
        )
        process.stdout.write(`${lags.length === 0 ? `group ${group} has committed nothing` : `total lag ${total}`}\n`)
      }
    } finally {
      await log.close()
    }
  } catch (error) {
    fail(error)
  }
}

/** The end is where a read-committed reader ends, so that an open transaction does not look like a lag. */
export async function lagsOf(log: KafkaLog, group: string): Promise<readonly PartitionLag[]> {
  const committed = [...(await log.admin.committedOffsets(group))].sort((left, right) =>
    left.topic === right.topic ? left.partition - right.partition : left.topic < right.topic ? -1 : 1,
  )
  const ends = await log.admin.endOffsets(committed)
  return committed.map(({ topic, partition, offset }, index) => {
    const end = ends[index]?.offset ?? offset
    return { topic, partition, committed: offset, end, lag: Math.max(0, end - offset) }
  })
}
