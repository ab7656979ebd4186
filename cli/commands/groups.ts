import { Command } from 'commander'
import { createKafkaLog, type StreamsGroupDescription } from '#connectors/kafka'
import { formatTable } from '../console/format.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, requireKafka } from '../kafka-options.ts'

type Options = KafkaCommandOptions & { readonly json?: true }

export function groupsCommand(): Command {
  const command = new Command('groups')
    .description('Lists the groups of a Kafka cluster, or the members of one streams group with their tasks.')
    .argument('[group]', 'the application id')
    .option('--json', 'print JSON')
  return kafkaOptions(command).action(run)
}

async function run(group: string | undefined, options: Options): Promise<void> {
  try {
    const log = await createKafkaLog({ ...requireKafka(options), clientId: 'mto-groups' })
    try {
      if (group === undefined) printGroups(await log.operations.groups(), options)
      else printGroup(group, await log.operations.streamsGroup(group), options)
    } finally {
      await log.close()
    }
  } catch (error) {
    fail(error)
  }
}

function printGroups(
  groups: readonly { readonly group: string; readonly state: string; readonly type: string }[],
  { json }: Options,
): void {
  const sorted = [...groups].sort((left, right) => (left.group < right.group ? -1 : 1))
  if (json === true) process.stdout.write(`${JSON.stringify(sorted)}\n`)
  else
    process.stdout.write(
      formatTable(
        [{ title: 'group' }, { title: 'type' }, { title: 'state' }],
        sorted.map(({ group, type, state }) => [group, type, state]),
      ),
    )
}

function printGroup(group: string, found: StreamsGroupDescription | undefined, { json }: Options): void {
  if (found === undefined) {
    process.stderr.write(`There is no streams group ${group}.\n`)
    process.exitCode = 1
    return
  }
  const members = found.members.map((member) => ({
    member: member.memberId,
    process: member.processId,
    host: member.clientHost.replace(/^\//, ''),
    epoch: member.memberEpoch,
    active: tasksOf(member.active),
    standby: tasksOf(member.standby),
  }))
  const { state, epoch } = found
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ group, state, epoch, members })}\n`)
    return
  }
  process.stdout.write(
    `${group}: ${state}, epoch ${epoch}, ${members.length} member${members.length === 1 ? '' : 's'}\n`,
  )
  process.stdout.write(
    formatTable(
      [
        { title: 'member' },
        { title: 'process' },
        { title: 'host' },
        { title: 'epoch' },
        { title: 'active' },
        { title: 'standby' },
      ],
      members.map((member) => [
        member.member,
        member.process,
        member.host,
        String(member.epoch),
        member.active.join(' '),
        member.standby.join(' '),
      ]),
    ),
  )
}

function tasksOf(
  tasks: readonly { readonly subtopologyId: string; readonly partitions: readonly number[] }[],
): readonly string[] {
  return tasks.flatMap(({ subtopologyId, partitions }) =>
    partitions.map((partition) => `${subtopologyId}_${partition}`),
  )
}
