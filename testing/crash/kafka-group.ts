import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Log, TopicPartition } from '#streams/ports'
import { INPUT, PARTITIONS } from './application.ts'

const script = fileURLToPath(new URL('./kafka-process.ts', import.meta.url))
const POLL_MS = 50

/** As kafka-process.ts sets it. */
export const SESSION_TIMEOUT_MS = 2_000

export type Member = {
  readonly name: string
  readonly output: () => string
  readonly errors: () => string
  readonly isAlive: () => boolean
  /** Resolves with the exit code when it has ended. */
  kill(signal: NodeJS.Signals): Promise<number | null>
  /** For signals that end nothing: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void
}

export type MemberSettings = {
  readonly brokers: readonly string[]
  readonly applicationId: string
  readonly directory: string
  readonly guarantee: 'exactly_once_v2' | 'at_least_once'
  readonly standbys: number
}

/** A process of the application; the same name goes on with the state of an earlier one. */
export function startMember(name: string, settings: MemberSettings): Member {
  const { brokers, applicationId, directory, guarantee, standbys } = settings
  const child: ChildProcess = spawn(
    process.execPath,
    [script, brokers.join(), applicationId, join(directory, name), guarantee, String(standbys)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let output = ''
  let errors = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return {
    name,
    output: () => output,
    errors: () => errors,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    kill: (signal) => {
      child.kill(signal)
      return ended
    },
    signal: (signal) => {
      child.kill(signal)
    },
  }
}

/** Waits until every input, also the repartition topic, is processed and committed to its end. */
export async function untilDrained(log: Log, applicationId: string, timeoutMs: number): Promise<void> {
  const endMs = Date.now() + timeoutMs
  for (;;) {
    const behind = await lagOf(log, applicationId)
    if (behind.length === 0) return
    if (Date.now() > endMs) throw new Error(`not drained: ${behind.join(', ')}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function lagOf(log: Log, applicationId: string): Promise<readonly string[]> {
  const isInput = (name: string): boolean =>
    name === INPUT || (name.startsWith(`${applicationId}-`) && name.endsWith('-repartition'))
  const topics = (await log.admin.listTopics()).filter(isInput)
  if (topics.length < 2) return ['topics are not there yet']
  const partitions: TopicPartition[] = topics.flatMap((topic) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })),
  )
  const [ends, committed] = await Promise.all([
    log.admin.endOffsets(partitions, 'read_uncommitted'),
    log.admin.committedOffsets(applicationId, partitions),
  ])
  return ends.flatMap(({ topic, partition, offset }) => {
    const at = committed.find((each) => each.topic === topic && each.partition === partition)?.offset ?? 0
    return at >= offset ? [] : [`${topic}-${partition} at ${at} of ${offset}`]
  })
}

/** Waits for a word in the output of a member. */
export async function untilSaid(member: Member, word: string, timeoutMs: number): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!member.output().includes(word)) {
    if (Date.now() > endMs || !member.isAlive())
      throw new Error(`${member.name} did not say ${word}:\n${member.errors()}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
