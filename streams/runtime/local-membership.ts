import { assert } from '../base/assert.ts'
import { type TaskId, taskId } from '../base/ids.ts'
import type { GroupMembership, MembershipEvent } from '../ports/index.ts'

/**
 * Membership of a group that is one process with a fixed number of threads: thread `index` of `count` runs every
 * count-th task. Nothing moves while it runs; another number of threads takes a restart.
 *
 * Tasks of one sub-topology are spread first, so that its load is even.
 */
export function createLocalMembership(index: number, count: number): GroupMembership {
  assert(index >= 0 && index < count, `thread index ${index} of ${count}`)
  let event: MembershipEvent | undefined
  return {
    join: (member) => {
      const all = member.subTopologies.flatMap(({ subTopology, taskCount }) =>
        Array.from({ length: taskCount }, (_, partition): TaskId => taskId(subTopology, partition)),
      )
      event = {
        kind: 'assigned',
        assignment: {
          active: all.filter((_, position) => position % count === index),
          standby: [],
        },
      }
      return Promise.resolve()
    },
    poll: () => {
      const next = event
      event = undefined
      return next
    },
    acknowledge: () => {},
    leave: () => Promise.resolve(),
  }
}
