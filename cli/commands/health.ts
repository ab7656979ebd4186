import { Command } from 'commander'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { messageOf } from '#streams/base'
import { count } from '../console/options.ts'
import { fail } from '../fail.ts'
import { type KafkaCommandOptions, kafkaOptions, requireKafka } from '../kafka-options.ts'
import { lagsOf } from './lag.ts'

type Options = KafkaCommandOptions & {
  readonly json?: true
  readonly group?: readonly string[]
  readonly topic?: readonly string[]
  readonly registry?: string
  readonly lagMax: number
}

type Finding = { readonly what: string; readonly isHealthy: boolean; readonly detail: string }

const REGISTRY_MS_MAX = 5_000

export function healthCommand(): Command {
  const command = new Command('health')
    .description('Checks brokers, topics, groups and the schema registry. Exit code 1 if anything is wrong.')
    .option('--group <groups...>', 'these must be stable, and behind by no more than --lag-max')
    .option('--topic <topics...>', 'these must exist; all topics are checked for leaders and replicas')
    .option('--registry <url>', 'a schema registry that must answer')
    .option('--lag-max <records>', 'of each group, all partitions together', count, 10_000)
    .option('--json', 'print JSON')
  return kafkaOptions(command).action(run)
}

async function run(options: Options): Promise<void> {
  try {
    const findings = await check(options)
    const isHealthy = findings.every((each) => each.isHealthy)
    if (options.json === true) process.stdout.write(`${JSON.stringify({ isHealthy, findings })}\n`)
    else
      for (const { what, isHealthy: fine, detail } of findings)
        process.stdout.write(`${fine ? 'ok   ' : 'WRONG'} ${what}: ${detail}\n`)
    if (!isHealthy) process.exitCode = 1
  } catch (error) {
    fail(error)
  }
}

async function check(options: Options): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  if (options.registry !== undefined) findings.push(await checkRegistry(options.registry))
  const kafka = requireKafka(options)
  let log: KafkaLog
  try {
    log = await createKafkaLog({ ...kafka, clientId: 'mto-health', limits: { retryTimeoutMs: 5_000 } })
  } catch (error) {
    return [...findings, { what: 'brokers', isHealthy: false, detail: messageOf(error) }]
  }
  try {
    const brokers = await log.operations.brokers()
    const places = brokers.map(({ nodeId, host, port }) => `${nodeId} at ${host}:${port}`).join(', ')
    findings.push({ what: 'brokers', isHealthy: brokers.length > 0, detail: places })
    findings.push(...(await checkTopics(log, options)))
    for (const group of options.group ?? []) findings.push(await checkGroup(log, group, options.lagMax))
    return findings
  } finally {
    await log.close()
  }
}

async function checkTopics(log: KafkaLog, { topic: wanted = [] }: Options): Promise<readonly Finding[]> {
  const topics = await log.operations.topicHealth()
  const known = new Set(topics.map(({ topic }) => topic))
  const missing = wanted.filter((topic) => !known.has(topic))
  const leaderless = topics.filter(({ withoutLeader }) => withoutLeader > 0)
  const short = topics.filter(({ underReplicated }) => underReplicated > 0)
  const names = (list: readonly { readonly topic: string }[]): string => list.map(({ topic }) => topic).join(', ')
  return [
    ...missing.map((topic) => ({ what: `topic ${topic}`, isHealthy: false, detail: 'does not exist' })),
    {
      what: 'leaders',
      isHealthy: leaderless.length === 0,
      detail: leaderless.length === 0 ? `${topics.length} topics` : `partitions without one: ${names(leaderless)}`,
    },
    {
      what: 'replicas',
      isHealthy: short.length === 0,
      detail: short.length === 0 ? 'all in sync' : `fewer in sync than there should be: ${names(short)}`,
    },
  ]
}

async function checkGroup(log: KafkaLog, group: string, lagMax: number): Promise<Finding> {
  const what = `group ${group}`
  const found = await log.operations.streamsGroup(group)
  if (found === undefined) return { what, isHealthy: false, detail: 'there is no streams group of that name' }
  const lag = (await lagsOf(log, group)).reduce((sum, each) => sum + each.lag, 0)
  const isHealthy = found.state === 'Stable' && lag <= lagMax
  return {
    what,
    isHealthy,
    detail: `${found.state}, ${found.members.length} member${found.members.length === 1 ? '' : 's'}, ${lag} records behind`,
  }
}

async function checkRegistry(url: string): Promise<Finding> {
  const what = `registry ${url}`
  try {
    const response = await fetch(new URL('subjects', url.endsWith('/') ? url : `${url}/`), {
      signal: AbortSignal.timeout(REGISTRY_MS_MAX),
    })
    const subjects: unknown = response.ok ? await response.json() : undefined
    const count = Array.isArray(subjects) ? subjects.length : 0
    return { what, isHealthy: response.ok, detail: response.ok ? `${count} subjects` : `HTTP ${response.status}` }
  } catch (error) {
    return { what, isHealthy: false, detail: messageOf(error) }
  }
}
