import { basename } from 'node:path'
import { Command } from 'commander'
import { type Acl, createKafkaLog } from '#connectors/kafka'
import { loadApplication } from '#host'
import { resolveConfig } from '#streams/runtime'
import { type AclsNeeded, neededAcls } from '../acls/needed-acls.ts'
import { formatTable } from '../console/format.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, requireKafka } from '../kafka-options.ts'

type Options = KafkaCommandOptions & {
  readonly applicationId?: string
  readonly principal: string
  readonly standbys?: true
  readonly createsTopics?: true
  readonly commands?: true
  readonly apply?: true
  readonly json?: true
}

export function aclsCommand(): Command {
  const command = new Command('acls')
    .description('Lists what an application must be allowed on a Kafka cluster with an authoriser: no more, no less.')
    .argument('<module>', 'a module that exports `topology`')
    .option('--application-id <id>', "default: the module's name")
    .option('--principal <name>', 'who the application logs in as', 'User:mto')
    .option('--standbys', 'the application is started with --standbys')
    .option('--creates-topics', "the application makes the module's topics itself (otherwise: mto topics apply)")
    .option('--commands', 'as commands of kafka-acls.sh')
    .option('--apply', 'allows it on the cluster, logged in as who may change ACLs')
    .option('--json', 'as data')
  return kafkaOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  mto acls my-topology.ts --principal User:balances
  mto acls my-topology.ts --principal User:balances --apply --kafka broker-1:9092

Exit code: 0, or 1 when the module cannot be loaded or the cluster does not take the ACLs.`,
    )
    .action(run)
}

async function run(module: string, options: Options): Promise<void> {
  try {
    const { topology, config, topics } = await loadApplication(module)
    const applicationId = options.applicationId ?? basename(module).replace(/\.[^.]*$/, '')
    const needed = neededAcls({
      topology,
      config: resolveConfig({ ...config, applicationId }),
      topics,
      setsStandbys: options.standbys === true,
      createsTopics: options.createsTopics === true,
    })
    if (options.apply === true) await apply(needed, options)
    print(needed, options)
  } catch (error) {
    fail(error)
  }
}

async function apply({ acls }: AclsNeeded, options: Options): Promise<void> {
  const log = await createKafkaLog({ ...requireKafka(options), clientId: 'mto-acls' })
  try {
    await log.operations.allow(options.principal, acls)
  } finally {
    await log.close()
  }
}

function print({ acls, notes }: AclsNeeded, { principal, json, commands, apply: isApplied }: Options): void {
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ principal, applied: isApplied === true, acls, notes })}\n`)
    return
  }
  if (commands === true) process.stdout.write(`${commandsOf(principal, acls).join('\n')}\n`)
  else
    process.stdout.write(
      formatTable(
        [{ title: 'resource' }, { title: 'name' }, { title: 'pattern' }, { title: 'operation' }],
        acls.map(({ resource, name, pattern, operation }) => [resource, name, pattern, operation]),
      ),
    )
  for (const note of notes) process.stdout.write(`# ${note}\n`)
  if (isApplied === true) process.stdout.write(`allowed to ${principal}\n`)
}

/** One command by resource: kafka-acls.sh takes several operations at once. */
function commandsOf(principal: string, acls: readonly Acl[]): readonly string[] {
  const byResource = Map.groupBy(
    acls,
    ({ resource, name, pattern }) => `--${resource} '${name}' --resource-pattern-type ${pattern}`,
  )
  return [...byResource].map(([resource, list]) => {
    const operations = list.map(({ operation }) => `--operation ${pascalCase(operation)}`)
    return `kafka-acls.sh --bootstrap-server "$KAFKA" --add --allow-principal '${principal}' ${operations.join(' ')} ${resource}`
  })
}

/** `describe-configs` → `DescribeConfigs`, as the tool names it. */
function pascalCase(name: string): string {
  return name.replace(/(?:^|-)(\w)/g, (_match, letter: string) => letter.toUpperCase())
}
