import type { PartitionOffset, TopicPartition } from '#streams/ports'

/**
 * The id of a live event is a position of the log: the next offset of each partition of the feed's topic, joined by
 * dots, in the order of the partitions. A client that comes back with it gets all that it has not seen.
 */
export function formatPositions(positions: readonly PartitionOffset[]): string {
  return [...positions]
    .sort((left, right) => left.partition - right.partition)
    .map(({ offset }) => offset)
    .join('.')
}

/** Undefined where the text is no position of these partitions: the client then starts with what is new. */
export function parsePositions(
  text: string,
  partitions: readonly TopicPartition[],
): readonly PartitionOffset[] | undefined {
  if (!/^\d{1,15}(\.\d{1,15})*$/.test(text)) return undefined
  const offsets = text.split('.').map(Number)
  if (offsets.length !== partitions.length) return undefined
  return [...partitions]
    .sort((left, right) => left.partition - right.partition)
    .map((partition, index) => ({ ...partition, offset: offsets[index] as number }))
}
