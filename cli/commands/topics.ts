import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { createConsoleLogger, type LogLevel, openDataLog } from '#host'
import { SACCO_TOPICS } from '#schemas'
import type { Topology } from '#streams'
import type { Log, TopicConfig, TopicSpec } from '#streams/ports'
import { formatCount, formatTable } from '../console/format.ts'
import { DATA_DIRECTORY_DEFAULT, logLevelOption } from '../console/options.ts'
import { fail } from '../fail.ts'
import { PLAN_TOPIC } from '../feed/feed-plan.ts'
import { APPLICATION_ID } from '../platform/platform.ts'
import { partitionsOf } from '../platform/read-topic.ts'
import { topics as ownTopics, topology as ownTopology } from '../platform/sacco-module.ts'

type TopicsOptions = { readonly data: string; readonly json?: true; readonly logLevel: LogLevel }

export type TopicLine = {
  readonly name: string
  /**
   * `document`: the requirement document names it; `ours`: the SACCO has it besides; `yours`: of other applications, or
   * made by hand; `internal`: made by the engine.
   */
  readonly origin: 'document' | 'ours' | 'yours' | 'internal'
  readonly partitions: number
  readonly cleanupPolicy: string
  readonly retentionMs: number | undefined
  readonly inDirectory: boolean
  /** Offsets from start to end: records, control records and gaps of compaction. */
  readonly offsets: number | undefined
  readonly doc: string
}

export function topicsCommand(): Command {
  return new Command('topics')
    .description(
      'The topics of a data directory: partitions, policies, retention, where they come from, what is in them.',
    )
    .option(
      '--data <directory>',
      'a data directory, if there is one (environment: MTO_DATA_DIR); an application may be running on it',
      DATA_DIRECTORY_DEFAULT,
    )
    .option('--json', 'as data')
    .addOption(logLevelOption('error'))
    .addHelpText(
      'after',
      `
Origin: "document" for topics of the SACCO that the requirement document names (with its partitions and retention),
"ours" for those that we added to it, "yours" for those of other applications, "internal" for changelogs and repartition
topics of the engine and the schema registry's topic. Without a data directory, what the SACCO would create is shown.

Exit code: 0, or 1 when the directory cannot be read.`,
    )
    .action(run)
}

async function run(options: TopicsOptions): Promise<void> {
  try {
    const lines = await readLines(options)
    process.stdout.write(options.json === true ? `${JSON.stringify(lines, undefined, 2)}\n` : formatTopics(lines))
  } catch (error) {
    fail(error)
  }
}

async function readLines({ data: directory, logLevel }: TopicsOptions): Promise<readonly TopicLine[]> {
  const planned = ownTopics.map((spec) => plannedLine(spec))
  const isThere = await access(join(directory, 'log')).then(
    () => true,
    () => false,
  )
  // No directory yet is no error: the plan is worth seeing before the first start.
  if (!isThere) return planned
  const data = await openDataLog({ dataDirectory: directory, logger: createConsoleLogger(logLevel) })
  try {
    return await linesOf(data.log, (await ownTopology(undefined)) as Topology, planned)
  } finally {
    await data.close()
  }
}

const documented = new Map(SACCO_TOPICS.map((topic) => [topic.name as string, topic]))

function plannedLine({ name, partitions, config }: TopicSpec): TopicLine {
  const own = documented.get(name)
  return {
    name,
    origin: own?.origin ?? 'ours',
    partitions,
    ...policyOf(config ?? {}),
    inDirectory: false,
    offsets: undefined,
    doc: own?.doc ?? '',
  }
}

function policyOf({ cleanupPolicy = 'delete', retentionMs }: TopicConfig) {
  return { cleanupPolicy, retentionMs }
}

async function linesOf(log: Log, topology: Topology, planned: readonly TopicLine[]): Promise<readonly TopicLine[]> {
  const names = await log.admin.listTopics()
  const described = await log.admin.describeTopics(names)
  const partitions = await partitionsOf(log, names)
  const [starts, ends] = await Promise.all([log.admin.startOffsets(partitions), log.admin.endOffsets(partitions)])
  const offsets = new Map<string, number>()
  ends.forEach(({ topic, offset }, index) => {
    offsets.set(topic, (offsets.get(topic) ?? 0) + offset - (starts[index]?.offset ?? 0))
  })
  const known = new Map(planned.map((line) => [line.name, line]))
  const applications = await log.admin.listGroups()
  const lines = [...described.values()].map(({ name, partitions: count, config }): TopicLine => {
    const line = known.get(name)
    const base = line ?? { name, ...otherTopic(name, topology, applications) }
    return { ...base, partitions: count, ...policyOf(config), inDirectory: true, offsets: offsets.get(name) ?? 0 }
  })
  // What the SACCO would have says nothing about a directory of somebody else.
  const isSacco = planned.some(({ name }) => described.has(name))
  const missing = isSacco ? planned.filter(({ name }) => !described.has(name)) : []
  const order = ['document', 'ours', 'yours', 'internal']
  return [...lines, ...missing].sort(
    (left, right) => order.indexOf(left.origin) - order.indexOf(right.origin) || (left.name < right.name ? -1 : 1),
  )
}

function otherTopic(
  name: string,
  topology: Topology,
  applications: readonly string[],
): Pick<TopicLine, 'origin' | 'doc'> {
  if (name === PLAN_TOPIC) return { origin: 'ours', doc: 'What the feeder makes, and how far it is.' }
  if (name === '_schemas') return { origin: 'internal', doc: 'The schema registry.' }
  const [, before, kind] = /^(.+)-(changelog|repartition)$/.exec(name) ?? []
  if (before === undefined) return { origin: 'yours', doc: '' }
  // Both parts of the name may have dashes: groups tell which of them is an application, once it has committed.
  const application = [APPLICATION_ID, ...applications]
    .filter((each) => before.startsWith(`${each}-`))
    .sort((left, right) => right.length - left.length)[0]
  const inner = application === undefined ? before : before.slice(application.length + 1)
  const isOurs = application === APPLICATION_ID
  const of = isOurs || application === undefined ? '' : ` of ${application}`
  if (kind === 'changelog') return { origin: 'internal', doc: `Changelog of store ${inner}${of}.` }
  const isKnown = !isOurs || topology.repartitionTopics.has(`${inner}-repartition`)
  return { origin: 'internal', doc: isKnown ? `Records on their way to the task of another key${of}.` : '' }
}

const DAY_MS = 86_400_000

function retentionText(retentionMs: number | undefined): string {
  if (retentionMs === undefined) return '7 days (default)'
  if (retentionMs < 0) return 'for ever'
  const days = retentionMs / DAY_MS
  return days >= 365 ? `${Math.round(days / 365)} years` : `${Math.round(days * 10) / 10} days`
}

const right = 'right' as const

function formatTopics(lines: readonly TopicLine[]): string {
  const rows = lines.map(({ name, origin, partitions, cleanupPolicy, retentionMs, inDirectory, offsets, doc }) => [
    name,
    origin,
    String(partitions),
    cleanupPolicy,
    cleanupPolicy === 'compact' ? 'newest per key' : retentionText(retentionMs),
    inDirectory ? formatCount(offsets ?? 0) : 'not there',
    doc,
  ])
  return formatTable(
    [
      { title: 'topic' },
      { title: 'origin' },
      { title: 'partitions', align: right },
      { title: 'cleanup' },
      { title: 'kept' },
      { title: 'offsets', align: right },
      { title: '' },
    ],
    rows,
  )
}
