import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import { createKafkaLog, type KafkaLog, type TopicSetting, topicSettingsOf } from '#connectors/kafka'
import { importApplication } from '#host'
import { StreamsError } from '#streams/base'
import type { TopicSpec } from '#streams/ports'
import { positive } from '../console/options.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, requireKafka } from '../kafka-options.ts'

type Options = KafkaCommandOptions & { readonly json?: true; readonly replicationFactor?: number }

type Change = {
  readonly topic: string
  readonly kind: 'create' | 'settings' | 'impossible' | 'same'
  readonly detail: string
  readonly settings: readonly TopicSetting[]
  readonly spec: TopicSpec
}

/** `mto topics plan` and `mto topics apply`. */
export function planTopicsCommands(): readonly Command[] {
  const sub = (name: string, description: string, applies: boolean): Command =>
    kafkaOptions(
      new Command(name)
        .description(description)
        .argument('<module>', 'a module that exports `topics`')
        .option('--replication-factor <count>', "of topics that are made; default: the broker's", positive)
        .option('--json', 'as data'),
    ).action((module: string, _options: Options, command: Command) =>
      // `mto topics` has a --json of its own, which takes it wherever it stands.
      run(module, command.optsWithGlobals<Options>(), applies),
    )
  return [
    sub(
      'plan',
      "Compares a module's topics with those of a Kafka cluster. Exit code 2 if there is anything to do.",
      false,
    ),
    sub(
      'apply',
      'Creates topics and changes settings on a Kafka cluster; never deletes, never changes partitions.',
      true,
    ),
  ]
}

async function run(module: string, options: Options, applies: boolean): Promise<void> {
  try {
    const { topics } = await importApplication(pathToFileURL(module).href)
    if (topics.length === 0) throw new StreamsError('CONFIG_INVALID', `${module} exports no topics`)
    const log = await createKafkaLog({ ...requireKafka(options), clientId: 'mto-topics' })
    try {
      const changes = await planOf(log, topics, options)
      if (applies) await apply(log, changes)
      print(changes, options, applies)
    } finally {
      await log.close()
    }
  } catch (error) {
    fail(error)
  }
}

async function planOf(log: KafkaLog, topics: readonly TopicSpec[], options: Options): Promise<readonly Change[]> {
  const known = await log.admin.describeTopics(topics.map(({ name }) => name))
  return Promise.all(
    topics.map(async (spec): Promise<Change> => {
      const found = known.get(spec.name)
      const wanted = topicSettingsOf(spec.config ?? {})
      const factor = options.replicationFactor ?? spec.replicationFactor
      const complete = factor === undefined ? spec : { ...spec, replicationFactor: factor }
      const change = { topic: spec.name, settings: [] as readonly TopicSetting[], spec: complete }
      if (found === undefined) {
        const settings = wanted.map(({ name, value }) => `${name}=${value}`).join(' ')
        return { ...change, kind: 'create', detail: `${spec.partitions} partitions ${settings}`.trim() }
      }
      if (found.partitions !== spec.partitions) {
        return {
          ...change,
          kind: 'impossible',
          detail: `has ${found.partitions} partitions instead of ${spec.partitions}: keys would move; make a new topic`,
        }
      }
      const actual = await log.operations.topicSettings(spec.name)
      const settings = wanted.filter(({ name, value }) => actual.get(name) !== value)
      const detail = settings.map(({ name, value }) => `${name}: ${actual.get(name) ?? 'unset'} -> ${value}`).join(', ')
      return settings.length === 0
        ? { ...change, kind: 'same', detail: '' }
        : { ...change, kind: 'settings', detail, settings }
    }),
  )
}

async function apply(log: KafkaLog, changes: readonly Change[]): Promise<void> {
  const impossible = changes.filter(({ kind }) => kind === 'impossible')
  if (impossible.length > 0) {
    const list = impossible.map(({ topic, detail }) => `${topic} ${detail}`).join('; ')
    throw new StreamsError('TOPIC_MISMATCH', `nothing was changed: ${list}`)
  }
  await log.admin.createTopics(changes.filter(({ kind }) => kind === 'create').map(({ spec }) => spec))
  for (const { topic, kind, settings } of changes)
    if (kind === 'settings') await log.operations.configureTopic(topic, settings)
}

function print(changes: readonly Change[], { json }: Options, applied: boolean): void {
  const open = changes.filter(({ kind }) => kind !== 'same')
  if (json === true) {
    const list = changes.map(({ topic, kind, detail }) => ({ topic, kind, detail }))
    process.stdout.write(`${JSON.stringify({ applied, changes: list })}\n`)
  } else {
    const done = { create: 'created', settings: 'changed', impossible: 'impossible', same: 'as it should be' }
    const planned = { create: 'create', settings: 'change', impossible: 'impossible', same: 'as it is' }
    const words = applied ? done : planned
    for (const { topic, kind, detail } of changes)
      process.stdout.write(`${`${words[kind]} ${topic} ${detail}`.trim()}\n`)
  }
  if (!applied && open.length > 0) process.exitCode = 2
}
