import { assert, present } from '../base/assert.ts'
import { parseTaskId, type TaskId } from '../base/ids.ts'

/**
 * Deals the tasks of one process out to its stream threads, and again when threads come, go or fail. What the broker
 * does for a group on Kafka, for members that share one process: no sessions, no heartbeats, no votes.
 *
 * Invariant: a task is held by at most one member. It is held from the moment the assignment that names it is handed
 * out until its member has acknowledged a newer assignment without it (and so has committed and closed it), or has left.
 *
 * Sticky: a task moves only where the numbers of tasks would differ by more than one otherwise.
 */
export type LocalGroup = {
  /** Announces a member: the first deal waits for all that were announced, so that tasks do not wander at start. */
  expect(memberId: string): void
  /** `assign` is called with each new assignment; the member acknowledges it with the same generation. */
  join(memberId: string, tasks: readonly TaskId[], assign: Assign): void
  acknowledge(memberId: string, generation: number, owned: readonly TaskId[]): void
  /** The member has closed everything, or is no more: its tasks go to the others. */
  leave(memberId: string): void
  ownerOf(task: TaskId): string | undefined
}

export type Assign = (assignment: { readonly generation: number; readonly active: readonly TaskId[] }) => void

type Member = {
  readonly id: string
  readonly assign: Assign
  target: readonly TaskId[]
  sentGeneration: number
  sent: readonly TaskId[] | undefined
}

export function createLocalGroup(): LocalGroup {
  return new Group()
}

class Group implements LocalGroup {
  readonly #members = new Map<string, Member>()
  readonly #expected = new Set<string>()
  readonly #holders = new Map<TaskId, string>()
  #tasks: readonly TaskId[] = []
  #generation = 0
  #hasDealt = false

  expect(memberId: string): void {
    this.#expected.add(memberId)
  }

  join(memberId: string, tasks: readonly TaskId[], assign: Assign): void {
    assert(!this.#members.has(memberId), `member ${memberId} joined twice`)
    this.#expected.delete(memberId)
    this.#members.set(memberId, { id: memberId, assign, target: [], sentGeneration: -1, sent: undefined })
    this.#tasks = tasks
    this.#deal()
  }

  acknowledge(memberId: string, generation: number, owned: readonly TaskId[]): void {
    const member = this.#members.get(memberId)
    // What answers an older assignment says nothing of tasks that were handed out since.
    if (member === undefined || generation < member.sentGeneration) return
    const kept = new Set(owned)
    for (const [task, holder] of this.#holders) {
      if (holder === memberId && !kept.has(task)) this.#holders.delete(task)
    }
    this.#send()
  }

  leave(memberId: string): void {
    this.#expected.delete(memberId)
    this.#members.delete(memberId)
    for (const [task, holder] of this.#holders) if (holder === memberId) this.#holders.delete(task)
    this.#deal()
  }

  ownerOf(task: TaskId): string | undefined {
    return this.#holders.get(task)
  }

  #deal(): void {
    if (!this.#hasDealt && this.#expected.size > 0) return
    if (this.#members.size === 0) return
    this.#hasDealt = true
    const targets = dealTasks(this.#tasks, [...this.#members.keys()], (task) => this.#targetOf(task))
    for (const member of this.#members.values())
      member.target = present(targets.get(member.id), 'a member without a target')
    this.#send()
  }

  #targetOf(task: TaskId): string | undefined {
    for (const member of this.#members.values()) if (member.target.includes(task)) return member.id
    return undefined
  }

  /** Hands out what each member may have now: its target without what another one still holds. */
  #send(): void {
    for (const member of this.#members.values()) {
      const active = member.target.filter((task) => (this.#holders.get(task) ?? member.id) === member.id)
      if (member.sent !== undefined && sameTasks(member.sent, active)) continue
      for (const task of active) this.#holders.set(task, member.id)
      member.sent = active
      member.sentGeneration = this.#generation++
      member.assign({ generation: member.sentGeneration, active })
    }
  }
}

function sameTasks(left: readonly TaskId[], right: readonly TaskId[]): boolean {
  return left.length === right.length && left.every((task) => right.includes(task))
}

/**
 * Tasks by member: their numbers differ by one at most, tasks stay with their owner where that allows it, and the tasks
 * of one sub-topology are spread, so that its load is even.
 */
export function dealTasks(
  tasks: readonly TaskId[],
  members: readonly string[],
  ownerOf: (task: TaskId) => string | undefined,
): ReadonlyMap<string, readonly TaskId[]> {
  const dealt = new Map(members.map((id): [string, TaskId[]] => [id, []]))
  const quota = Math.floor(tasks.length / members.length)
  let larger = tasks.length % members.length
  const rest: TaskId[] = []
  for (const task of tasks) {
    const own = dealt.get(ownerOf(task) ?? '')
    if (own === undefined || own.length > quota || (own.length === quota && larger === 0)) {
      rest.push(task)
      continue
    }
    if (own.length === quota) larger--
    own.push(task)
  }
  for (const task of rest) {
    const { subTopology } = parseTaskId(task)
    const weight = (own: readonly TaskId[]): number => {
      const alike = own.filter((other) => parseTaskId(other).subTopology === subTopology).length
      return own.length * (tasks.length + 1) + alike
    }
    let best: TaskId[] | undefined
    for (const own of dealt.values()) if (best === undefined || weight(own) < weight(best)) best = own
    present(best, 'there are no members').push(task)
  }
  return dealt
}
