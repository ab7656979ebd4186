/**
 * How far the state that answered had got: by input topic and partition, the offset of the last record in it. Positions
 * are plain data: a writer gets one from what it wrote, hands it on, and a reader asks for an answer that is at least as
 * far: reading one's own writes. Java: Position, PositionBound.
 */
export type Position = Readonly<Record<string, Readonly<Record<number, number>>>>

/** The later one of each component. */
export function mergePositions(left: Position, right: Position): Position {
  const merged: Record<string, Record<number, number>> = {}
  for (const position of [left, right]) {
    for (const [topic, offsets] of Object.entries(position)) {
      merged[topic] ??= {}
      const of = merged[topic]
      for (const [partition, offset] of Object.entries(offsets)) {
        of[Number(partition)] = Math.max(offset, of[Number(partition)] ?? -1)
      }
    }
  }
  return merged
}

/** What the state of this partition lacks of the bound, in words; undefined where it is far enough. */
export function lackOf(position: Position, bound: Position, partition: number): string | undefined {
  for (const [topic, offsets] of Object.entries(bound)) {
    const wanted = offsets[partition]
    if (wanted === undefined) continue
    const seen = position[topic]?.[partition]
    if (seen === undefined) return `nothing of ${topic}-${partition} was read here, the bound asks for offset ${wanted}`
    if (seen < wanted) return `${topic}-${partition} was read up to offset ${seen}, the bound asks for ${wanted}`
  }
  return undefined
}

/** The same of a state that has all partitions. */
export function lackOfAny(position: Position, bound: Position): string | undefined {
  for (const topic of Object.keys(bound)) {
    for (const partition of Object.keys(bound[topic] ?? {})) {
      const lack = lackOf(position, { [topic]: bound[topic] ?? {} }, Number(partition))
      if (lack !== undefined) return lack
    }
  }
  return undefined
}
