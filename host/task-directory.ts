import type { Endpoint, EndpointPartitions } from '#connectors/kafka'
import { parseTaskId, type TaskId } from '#streams/base'

/** Which other process may run a task, as the group's coordinator has last said. */
export type TaskDirectory = {
  update(endpoints: readonly EndpointPartitions[]): void
  endpointsOf(tasks: readonly TaskId[], role: 'active' | 'standby'): readonly Endpoint[]
}

export function createTaskDirectory(own: Endpoint | undefined): TaskDirectory {
  let known: readonly EndpointPartitions[] = []
  return {
    update: (endpoints) => {
      known = endpoints.filter(({ endpoint }) => endpoint.host !== own?.host || endpoint.port !== own.port)
    },
    endpointsOf: (tasks, role) => {
      const wanted = new Set(tasks.map((id) => parseTaskId(id).partition))
      return known
        .filter((each) => each[role].some(({ partitions }) => partitions.some((partition) => wanted.has(partition))))
        .map(({ endpoint }) => endpoint)
    },
  }
}
