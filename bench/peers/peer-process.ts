import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { followChild } from '../child-messages.ts'
import type { Configuration, Peer } from './configurations.ts'
import type { MtoProcessSettings } from './mto-process.ts'
import { type Usage, usageOf } from './proc.ts'
import { parseTold, type Told } from './told.ts'
import type { PeerTopics } from './topics.ts'

export type PeerSettings = {
  readonly peer: Peer
  readonly configuration: Configuration
  readonly brokers: readonly string[]
  readonly applicationId: string
  /** Of this application alone: its state and what it wrote to standard error. */
  readonly directory: string
  readonly threads: number
  readonly topics: PeerTopics
  readonly isEveryUpdate: boolean
  readonly classPath: string
  /** Java's: classic or streams. */
  readonly groupProtocol: string
  /** Mto's process writes CPU profiles of its threads into it when it ends. */
  readonly profileDirectory?: string | undefined
}

export type RunningPeer = {
  /** Just before its process was started. */
  readonly startedMs: number
  /** Waits until what the process has said has what is looked for. Rejects when it ends, fails, or takes too long. */
  until<T>(what: string, timeoutMs: number, find: (told: readonly Told[]) => T | undefined): Promise<T>
  /** Up to now; of a process that has ended, up to a moment before its end. */
  usage(): Promise<Usage>
  /** Asks it to end (SIGTERM), without waiting. */
  terminate(): void
  /** Asks it to end, if nobody has, and waits. */
  stop(): Promise<void>
}

const JAVA_HEAP = '-Xmx1g'
const USAGE_INTERVAL_MS = 100
const STOP_MS_MAX = 90_000
const MESSAGE_CHARACTERS_MAX = 4_000

export async function startPeer(settings: PeerSettings): Promise<RunningPeer> {
  await mkdir(settings.directory, { recursive: true })
  const errors = join(settings.directory, 'stderr.log')
  const [command, args] = settings.peer === 'java' ? javaCommand(settings) : mtoCommand(settings)
  const file = openSync(errors, 'w')
  const startedMs = Date.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', file] })
  closeSync(file)
  return watch(child, settings, startedMs, errors)
}

function watch(
  child: ChildProcess,
  { peer, applicationId }: PeerSettings,
  startedMs: number,
  errors: string,
): RunningPeer {
  const wrong = async (what: string): Promise<Error> =>
    new Error(
      `${peer} (${applicationId}): ${what}; the end of ${errors}:\n${(await readFile(errors, 'utf8')).slice(-MESSAGE_CHARACTERS_MAX)}`,
    )
  const { exited, until } = followChild<Told>({ child, parse: parseTold, wrong })
  let latest: Usage = { cpuSeconds: 0, residentMiBMax: 0 }
  const usage = async (): Promise<Usage> => {
    const now = child.pid === undefined ? undefined : await usageOf(child.pid)
    if (now !== undefined) latest = now
    return latest
  }
  const sampling = setInterval(() => void usage(), USAGE_INTERVAL_MS)
  exited.then(() => clearInterval(sampling))
  // Once: a second SIGTERM may end a process that is about to commit and to leave its group.
  let isTerminated = false
  const terminate = (): void => {
    if (!isTerminated) child.kill('SIGTERM')
    isTerminated = true
  }
  return {
    startedMs,
    usage,
    until,
    terminate,
    async stop() {
      terminate()
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
      await exited
      clearTimeout(timer)
      if (child.signalCode === 'SIGKILL') throw await wrong(`did not end within ${STOP_MS_MAX / 1000} s of SIGTERM`)
    },
  }
}

function javaCommand(settings: PeerSettings): [string, string[]] {
  const { configuration, topics } = settings
  const properties: Readonly<Record<string, string | number | boolean>> = {
    'bootstrap.servers': settings.brokers.join(),
    'application.id': settings.applicationId,
    'state.dir': settings.directory,
    guarantee: configuration.guarantee,
    'cache.bytes': configuration.cacheBytes,
    ...(configuration.commitIntervalMs === undefined ? {} : { 'commit.interval.ms': configuration.commitIntervalMs }),
    threads: settings.threads,
    'group.protocol': settings.groupProtocol,
    'topic.events': topics.events,
    'topic.members': topics.members,
    'topic.output': topics.output,
    'every.update': settings.isEveryUpdate,
    'org.slf4j.simpleLogger.defaultLogLevel': 'warn',
  }
  const defined = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`)
  return ['java', [JAVA_HEAP, ...defined, '-cp', settings.classPath, 'mto.peer.PeerApplication']]
}

function mtoCommand(settings: PeerSettings): [string, string[]] {
  const { configuration, profileDirectory } = settings
  const module = settings.isEveryUpdate ? './paced-application.ts' : './throughput-application.ts'
  const told: MtoProcessSettings = {
    module: new URL(module, import.meta.url).href,
    brokers: settings.brokers,
    applicationId: settings.applicationId,
    dataDirectory: settings.directory,
    guarantee: configuration.guarantee,
    cacheBytes: configuration.cacheBytes,
    ...(configuration.commitIntervalMs === undefined ? {} : { commitIntervalMs: configuration.commitIntervalMs }),
    threads: settings.threads,
  }
  const profile = profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`]
  return [process.execPath, [...profile, join(import.meta.dirname, 'mto-process.ts'), JSON.stringify(told)]]
}
