import { type Profiler, Session } from 'node:inspector/promises'
import { BroadcastChannel, isMainThread, threadId, threadName } from 'node:worker_threads'
import { SAMPLING_INTERVAL_US } from '../runner/plan.ts'

/** Between the threads of a profiled process. */
const CHANNEL = 'mto-bench-profile'
const ANSWER_MS_MAX = 60_000

/** V8's sampling profile of a thread, and the processor time that the thread used while it was made. */
export type ThreadProfile = {
  readonly thread: string
  readonly cpuMicros: number
  readonly profile: Profiler.Profile
}

type Message =
  | { readonly kind: 'start' | 'stop' }
  | { readonly kind: 'started'; readonly thread: number }
  | { readonly kind: 'profile'; readonly profile: ThreadProfile }

type Recording = { stop(): Promise<ThreadProfile> }

async function record(thread: string): Promise<Recording> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US })
  await session.post('Profiler.start')
  const before = process.threadCpuUsage()
  return {
    stop: async () => {
      const { user, system } = process.threadCpuUsage(before)
      const { profile } = await session.post('Profiler.stop')
      session.disconnect()
      return { thread, cpuMicros: user + system, profile }
    },
  }
}

/** To be called in each stream thread: it is profiled when the main thread says so, and costs nothing before. */
export function profileThread(): void {
  const channel = new BroadcastChannel(CHANNEL)
  let recording: Recording | undefined
  channel.onmessage = async (event) => {
    const { kind } = (event as { readonly data: Message }).data
    if (kind === 'start') {
      recording = await record(threadName ?? `thread ${threadId}`)
      channel.postMessage({ kind: 'started', thread: threadId } satisfies Message)
    } else if (kind === 'stop' && recording !== undefined) {
      channel.postMessage({ kind: 'profile', profile: await recording.stop() } satisfies Message)
      recording = undefined
    }
  }
  // A thread that waits for nothing else must be able to end. Setting the listener has just prevented that.
  channel.unref()
}

/** Profiles this thread and all that have called `profileThread`, until it is stopped. */
export async function profileProcess(threads: number): Promise<{ stop(): Promise<readonly ThreadProfile[]> }> {
  if (!isMainThread) throw new Error('the main thread starts the profiles of all others')
  const channel = new BroadcastChannel(CHANNEL)
  const started = new Set<number>()
  const profiles: ThreadProfile[] = []
  let changed = Promise.withResolvers<void>()
  channel.onmessage = (event) => {
    const { data } = event as { readonly data: Message }
    if (data.kind === 'started') started.add(data.thread)
    else if (data.kind === 'profile') profiles.push(data.profile)
    changed.resolve()
  }
  const until = async (what: string, isThere: () => boolean): Promise<void> => {
    const timeout = AbortSignal.timeout(ANSWER_MS_MAX)
    const late = new Promise<void>((resolve) => timeout.addEventListener('abort', () => resolve()))
    while (!isThere()) {
      if (timeout.aborted) throw new Error(`not all ${threads} stream threads ${what} in ${ANSWER_MS_MAX / 1000} s`)
      await Promise.race([changed.promise, late])
      changed = Promise.withResolvers()
    }
  }
  channel.postMessage({ kind: 'start' } satisfies Message)
  await until('began their profile', () => started.size === threads)
  const main = await record('main')
  return {
    stop: async () => {
      profiles.push(await main.stop())
      channel.postMessage({ kind: 'stop' } satisfies Message)
      await until('gave their profile', () => profiles.length === threads + 1)
      channel.close()
      return profiles.sort((left, right) => (left.thread < right.thread ? -1 : 1))
    },
  }
}
