import { type TaskId, taskId } from '#streams/base'
import type { GroupMembership, MembershipEvent } from '#streams/ports'
import type { ThreadReport } from './thread-messages.ts'

/** The membership of a stream thread in the group of its process, whose tasks the main thread deals out. */
export type GroupMember = GroupMembership & {
  /** A new assignment has come from the main thread. */
  assigned(generation: number, active: readonly TaskId[]): void
}

export function createGroupMember(report: (message: ThreadReport) => void): GroupMember {
  let next: { readonly generation: number; readonly active: readonly TaskId[] } | undefined
  let generationInWork = -1
  return {
    join: (member) => {
      const tasks = member.subTopologies.flatMap(({ subTopology, taskCount }) =>
        Array.from({ length: taskCount }, (_, partition): TaskId => taskId(subTopology, partition)),
      )
      report({ kind: 'joined', tasks })
      return Promise.resolve()
    },
    poll: (): MembershipEvent | undefined => {
      if (next === undefined) return undefined
      const { generation, active } = next
      next = undefined
      generationInWork = generation
      return { kind: 'assigned', assignment: { active, standby: [] } }
    },
    acknowledge: ({ active }) => report({ kind: 'owned', generation: generationInWork, active }),
    // The main thread sees the worker end, and by then its databases are closed for certain.
    leave: () => Promise.resolve(),
    assigned: (generation, active) => {
      next = { generation, active }
    },
  }
}
