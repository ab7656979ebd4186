declare const brand: unique symbol
/** A string or number that cannot be mixed up with another of the same shape. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** `<sub-topology>_<partition>`, as Kafka Streams prints it. */
export type TaskId = Brand<string, 'TaskId'>

export function taskId(subTopology: number, partition: number): TaskId {
  return `${subTopology}_${partition}` as TaskId
}

export function parseTaskId(id: TaskId): { readonly subTopology: number; readonly partition: number } {
  const [subTopology, partition] = id.split('_')
  return { subTopology: Number(subTopology), partition: Number(partition) }
}

/** `topic-partition`, for messages and map keys; a topic name cannot make two partitions collide. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
