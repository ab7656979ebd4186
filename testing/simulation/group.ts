import { type Prng, parseTaskId, StreamsError, type TaskId, taskId } from '#streams/base'
import type {
  CommittedOffset,
  GroupMembership,
  MemberDescription,
  MembershipEvent,
  TaskAssignment,
} from '#streams/ports'
import type { SimulatedProcess } from './simulated-process.ts'
import type { VirtualTime } from './virtual-time.ts'

type Member = {
  readonly process: SimulatedProcess
  /** Assignment as last told, with its number: an answer to an older one says nothing. */
  assigned: readonly TaskId[]
  standby: readonly TaskId[]
  version: number
  polledVersion: number
  wasTold: boolean
  events: { readonly event: MembershipEvent; readonly version: number }[]
}

/** A member that dies without a word is noticed after so long. */
const SESSION_TIMEOUT_MS = 3_000
const MESSAGE_MS = 5

export type GroupOptions = {
  readonly standbyReplicas: number
  /** Commits name the member and its epoch, as with KIP-1071; otherwise producers alone are fenced. */
  readonly namesCommitters: boolean
}

/** Share of rebalances in which a copy of the state decides who takes over a task. */
const PROMOTED_SHARE = 0.8

/**
 * Assigns tasks as KIP-1071's broker does: a task goes to its next owner only when the last one has said that it closed
 * it, or was fenced. Who is fenced learns of it later, and its commits are refused from the moment on.
 */
export class GroupCoordinator {
  readonly #time: VirtualTime
  readonly #prng: Prng
  readonly #members = new Map<string, Member>()
  readonly #owners = new Map<TaskId, string>()
  readonly #target = new Map<TaskId, string>()
  /** Who shall keep a copy of the task's state. */
  readonly #standbys = new Map<TaskId, readonly string[]>()
  readonly #options: GroupOptions
  #tasks: readonly TaskId[] = []
  #stateful: readonly TaskId[] = []
  #taskOfInput = new Map<string, TaskId>()

  constructor(time: VirtualTime, prng: Prng, options: GroupOptions) {
    this.#time = time
    this.#prng = prng
    this.#options = options
  }

  /** Everybody has given up what was revoked, so that each task is where it shall be. */
  get isConverged(): boolean {
    return this.#tasks.every((task) => this.#owners.get(task) === this.#target.get(task))
  }

  /** Which task reads a partition, for commits that name partitions. */
  setInputs(inputs: ReadonlyMap<string, TaskId>): void {
    this.#taskOfInput = new Map(inputs)
  }

  ownerOf(task: TaskId): string | undefined {
    return this.#owners.get(task)
  }

  authorize(process: string, offsets: readonly CommittedOffset[]): StreamsError | undefined {
    for (const { topic, partition } of offsets) {
      const task = this.#taskOfInput.get(`${topic}/${partition}`)
      if (task === undefined || this.#owners.get(task) === process) continue
      const code = this.#prng.next() < 0.5 ? 'FENCED' : 'TASK_MIGRATED'
      return new StreamsError(code, `${process} does not own task ${task}, which reads ${topic}-${partition}`)
    }
    return undefined
  }

  /** Who has been told to keep a copy of a task, and runs it not. */
  standbysOf(process: string): readonly TaskId[] {
    return this.#members.get(process)?.standby ?? []
  }

  membershipOf(process: SimulatedProcess): GroupMembership {
    const memberEpoch = (): number => this.#members.get(process.name)?.version ?? 0
    const committer = {
      get committingMember() {
        return { memberId: process.name, memberEpoch: memberEpoch() }
      },
    }
    return {
      ...(this.#options.namesCommitters ? committer : {}),
      join: (description) => process.request('join', () => this.#join(process, description)),
      poll: () => this.#poll(process.name),
      acknowledge: (owned) => {
        const version = this.#members.get(process.name)?.polledVersion ?? -1
        this.#time.after(this.#prng.next() * MESSAGE_MS, () => this.#acknowledged(process.name, version, owned))
      },
      leave: () => process.request('join', () => this.remove(process.name)),
    }
  }

  /** The process is gone; unless it comes back under another name first, the group notices in a while. */
  died(process: string): void {
    this.#time.after(SESSION_TIMEOUT_MS * this.#prng.next(), () => this.remove(process))
  }

  remove(process: string): void {
    if (!this.#members.delete(process)) return
    for (const [task, owner] of this.#owners) if (owner === process) this.#owners.delete(task)
    this.rebalance(false)
  }

  /** Fences a member that is alive: its tasks go to others at once, and it is told so later. */
  fence(process: string, learnsAfterMs: number): void {
    const member = this.#members.get(process)
    if (member === undefined) return
    this.remove(process)
    this.#time.after(learnsAfterMs, () => {
      const rejoined: Member = {
        ...member,
        assigned: [],
        standby: [],
        version: member.version + 1,
        wasTold: false,
        events: [],
      }
      this.#members.set(process, rejoined)
      const event: MembershipEvent = { kind: 'lost', reason: 'a heartbeat was missed (simulated)' }
      rejoined.events.push({ event, version: rejoined.version })
      this.#time.after(learnsAfterMs / 2, () => {
        if (this.#members.get(process) === rejoined) this.rebalance(false)
      })
    })
  }

  /** Chooses who shall own what: as evenly as it goes; `anew` moves tasks that could stay. */
  rebalance(anew: boolean): void {
    const names = [...this.#members.keys()].filter((name) => !this.#hasLost(name))
    this.#target.clear()
    if (names.length > 0) {
      const quota = Math.ceil(this.#tasks.length / names.length)
      const count = new Map<string, number>()
      const give = (task: TaskId, name: string): void => {
        this.#target.set(task, name)
        count.set(name, (count.get(name) ?? 0) + 1)
      }
      for (const task of this.#tasks) {
        const owner = this.#owners.get(task)
        const stays = !anew && owner !== undefined && names.includes(owner) && (count.get(owner) ?? 0) < quota
        if (stays) give(task, owner)
      }
      for (const task of this.#tasks) {
        if (this.#target.has(task)) continue
        const free = names.filter((name) => (count.get(name) ?? 0) < quota)
        const warm = free.filter((name) => this.#standbys.get(task)?.includes(name))
        const isPromoted = warm.length > 0 && this.#prng.next() < PROMOTED_SHARE
        const candidates = isPromoted ? warm : free
        give(task, candidates[this.#prng.below(candidates.length)] as string)
      }
    }
    this.#chooseStandbys(names, anew)
    this.#tell()
  }

  /** Copies stay where they are, unless everything is to move. */
  #chooseStandbys(names: readonly string[], anew: boolean): void {
    const { standbyReplicas } = this.#options
    if (standbyReplicas === 0) return
    const machineOf = (name: string | undefined): string | undefined =>
      name === undefined ? undefined : this.#members.get(name)?.process.machine
    for (const task of this.#stateful) {
      // One state directory holds one copy.
      const taken = new Set([machineOf(this.#target.get(task))])
      const chosen: string[] = []
      const choose = (name: string): void => {
        chosen.push(name)
        taken.add(machineOf(name))
      }
      const isFree = (name: string): boolean => names.includes(name) && !taken.has(machineOf(name))
      for (const name of anew ? [] : (this.#standbys.get(task) ?? []))
        if (chosen.length < standbyReplicas && isFree(name)) choose(name)
      while (chosen.length < standbyReplicas) {
        const free = names.filter(isFree)
        if (free.length === 0) break
        choose(free[this.#prng.below(free.length)] as string)
      }
      this.#standbys.set(task, chosen)
    }
  }

  /** Still has to hear that everything is lost, before it is given anything. */
  #hasLost(name: string): boolean {
    return this.#members.get(name)?.events.some(({ event }) => event.kind === 'lost') === true
  }

  #join(process: SimulatedProcess, description: MemberDescription): void {
    this.#tasks = description.subTopologies.flatMap(({ subTopology, taskCount }) =>
      Array.from({ length: taskCount }, (_, partition) => taskId(subTopology, partition)),
    )
    const stateful = description.subTopologies.filter(({ changelogTopics }) => changelogTopics.length > 0)
    const ids = new Set(stateful.map(({ subTopology }) => subTopology))
    this.#stateful = this.#tasks.filter((task) => ids.has(parseTaskId(task).subTopology))
    const member: Member = {
      process,
      assigned: [],
      standby: [],
      version: 0,
      polledVersion: 0,
      wasTold: false,
      events: [],
    }
    this.#members.set(process.name, member)
    // A request that arrived after the death of its sender: such a member sends no heartbeats.
    if (!process.alive) this.died(process.name)
    if (this.#prng.next() < 0.2) {
      const event: MembershipEvent = { kind: 'not-ready', reason: 'topics are being looked up (simulated)' }
      member.events.push({ event, version: 0 })
    }
    this.#time.after(this.#prng.next() * 50, () => this.rebalance(false))
  }

  #poll(name: string): MembershipEvent | undefined {
    const member = this.#members.get(name)
    const next = member?.events.shift()
    if (member === undefined || next === undefined) return undefined
    member.polledVersion = next.version
    if (next.event.kind === 'lost') this.#time.after(MESSAGE_MS, () => this.rebalance(false))
    return next.event
  }

  #acknowledged(name: string, version: number, owned: TaskAssignment): void {
    const member = this.#members.get(name)
    if (member === undefined || member.version !== version) return
    let freed = false
    for (const [task, owner] of this.#owners) {
      if (owner !== name || member.assigned.includes(task) || owned.active.includes(task)) continue
      this.#owners.delete(task)
      freed = true
    }
    if (freed) this.#tell()
  }

  #tell(): void {
    for (const [name, member] of this.#members) {
      if (this.#hasLost(name)) continue
      const assigned = this.#tasks.filter((task) => {
        if (this.#target.get(task) !== name) return false
        const owner = this.#owners.get(task)
        if (owner === undefined) this.#owners.set(task, name)
        return owner === undefined || owner === name
      })
      // Who is to run a task that another one has not given up yet goes on with its copy.
      const standby = this.#stateful.filter((task) => {
        const isCopy = this.#standbys.get(task)?.includes(name) === true
        const isComing = this.#target.get(task) === name && member.standby.includes(task)
        return (isCopy || isComing) && !assigned.includes(task) && this.#owners.get(task) !== name
      })
      if (member.wasTold && sameTasks(assigned, member.assigned) && sameTasks(standby, member.standby)) continue
      member.assigned = assigned
      member.standby = standby
      member.wasTold = true
      member.version++
      const event: MembershipEvent = { kind: 'assigned', assignment: { active: assigned, standby } }
      const version = member.version
      member.events = [...member.events.filter((each) => each.event.kind !== 'assigned'), { event, version }]
    }
  }
}

function sameTasks(left: readonly TaskId[], right: readonly TaskId[]): boolean {
  return left.length === right.length && left.every((task, i) => task === right[i])
}

/** Tasks in the order of a report. */
export function sortedTasks(tasks: Iterable<TaskId>): TaskId[] {
  return [...tasks].sort((left, right) => {
    const a = parseTaskId(left)
    const b = parseTaskId(right)
    return a.subTopology - b.subTopology || a.partition - b.partition
  })
}
