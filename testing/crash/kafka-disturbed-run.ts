import type { KafkaLog } from '#connectors/kafka'
import { createPrng } from '#streams/base'
import { OUTPUTS, topics } from './application.ts'
import { feed } from './feeder.ts'
import {
  type Member,
  type MemberSettings,
  SESSION_TIMEOUT_MS,
  startMember,
  untilDrained,
  untilSaid,
} from './kafka-group.ts'
import { type Stall, watchProgress } from './watch-progress.ts'

/** How members are disturbed: killed with SIGKILL, or stopped with SIGSTOP until the group has put them out. */
export type Disturbance = 'kill' | 'freeze'

export type DisturbedRunOptions = {
  readonly log: KafkaLog
  readonly settings: MemberSettings
  readonly members: number
  readonly events: number
  /** Between two batches of 200 events. */
  readonly pauseMs: number
  readonly disturbEveryMs: number
  /** What happens to a member each time, chosen at random among these. */
  readonly disturbances: readonly Disturbance[]
  readonly seed: number
  /** In the middle of the load, once. */
  readonly inTheMiddle?: () => Promise<void>
  readonly drainMsMax: number
  readonly say?: (text: string) => void
}

export type DisturbedRun = {
  readonly kills: number
  readonly freezes: number
  /** The longest time without a new committed output in some partition, after each disturbance. */
  readonly stalls: readonly Stall[]
  readonly members: readonly Member[]
}

const START_MS_MAX = 30_000
const STOP_MS_MAX = 45_000
/** Long enough for the others to be given its tasks, and to write with them. */
const FREEZE_MS = SESSION_TIMEOUT_MS + 2_000
const DOWN_MS_MAX = 1_500

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Empty topics, and a feeder that begins at its first event. */
export async function freshTopics(log: KafkaLog): Promise<void> {
  await log.admin.deleteTopics(topics.map(({ name }) => name))
  await log.admin.createTopics(topics)
  await log.admin.deleteGroup('crash-feeder')
}

/**
 * Runs the crash test's application in several processes under load, disturbs one of them again and again, and stops
 * all when everything is processed. Throws where a member does not survive what it should, or does not end.
 */
export async function disturbedRun(options: DisturbedRunOptions): Promise<DisturbedRun> {
  const { log, settings, say = () => {} } = options
  await freshTopics(log)
  const prng = createPrng(options.seed)
  const all: Member[] = []
  const start = (name: string): Member => {
    const member = startMember(name, settings)
    all.push(member)
    return member
  }
  const names = Array.from({ length: options.members }, (_, index) => String.fromCharCode(97 + index))
  const members = names.map(start)
  const stalls: Stall[] = []
  let kills = 0
  let freezes = 0
  let isFed = false
  const watch = watchProgress(log, OUTPUTS[0])
  try {
    for (const member of members) await untilSaid(member, 'started', START_MS_MAX)
    const feeding = feed(log, options.events, options.pauseMs).finally(() => {
      isFed = true
    })
    feeding.catch(() => {})
    const batches = options.events / 200
    const middleMs = Date.now() + (batches * options.pauseMs) / 2
    let isMiddleOver = options.inTheMiddle === undefined
    for (;;) {
      await sleepUnless(() => isFed, options.disturbEveryMs)
      if (isFed) break
      if (!isMiddleOver && Date.now() > middleMs) {
        isMiddleOver = true
        await options.inTheMiddle?.()
      }
      const victim = prng.below(names.length)
      const kind = options.disturbances[prng.below(options.disturbances.length)]
      const stall = watch.longestStall()
      stalls.push(stall)
      say(
        `${all.length - names.length + freezes} disturbances, longest stall since the last: ${stall.ms} ms; now: ${kind} ${names[victim]}`,
      )
      if (kind === 'freeze') {
        freezes++
        members[victim]?.signal('SIGSTOP')
        await sleep(FREEZE_MS)
        members[victim]?.signal('SIGCONT')
      } else {
        kills++
        await members[victim]?.kill('SIGKILL')
        await sleep(prng.below(DOWN_MS_MAX))
        members[victim] = start(names[victim] as string)
      }
    }
    await feeding
    say('all events are written; waiting until they are processed')
    await untilDrained(log, settings.applicationId, options.drainMsMax)
    stalls.push(watch.longestStall())
    for (const member of members) await endCleanly(member)
    return { kills, freezes, stalls, members: all }
  } catch (error) {
    for (const { name, errors } of all) process.stderr.write(`--- ${name}\n${errors().slice(-4000)}\n`)
    throw error
  } finally {
    await watch.stop()
    for (const member of all) if (member.isAlive()) await member.kill('SIGKILL')
  }
}

async function sleepUnless(condition: () => boolean, ms: number): Promise<void> {
  const endMs = Date.now() + ms
  while (!condition() && Date.now() < endMs) await sleep(50)
}

/** A process that does not end is said by name, with what it has said last. */
export async function endCleanly(member: Member): Promise<void> {
  await untilSaid(member, 'started', START_MS_MAX)
  const late = sleep(STOP_MS_MAX).then(() => 'late' as const)
  const code = await Promise.race([member.kill('SIGTERM'), late])
  if (code !== 0) throw new Error(`${member.name} ended with ${code}:\n${member.errors().slice(-3000)}`)
}
