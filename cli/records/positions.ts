import { InvalidArgumentError } from 'commander'

import type { IsolationLevel, Log, PartitionOffset, TopicPartition } from '#streams/ports'
import { parseMoment } from '../console/options.ts'

/** Where a reader begins, in each partition. */
export type From =
  | { readonly kind: 'beginning' | 'end' }
  | { readonly kind: 'offset' | 'last'; readonly count: number }
  | { readonly kind: 'time'; readonly timestampMs: number }

const WHOLE = /^\d{1,15}$/

export function fromOf(text: string): From {
  if (text === 'beginning' || text === 'earliest') return { kind: 'beginning' }
  if (text === 'end' || text === 'latest') return { kind: 'end' }
  if (WHOLE.test(text)) return { kind: 'offset', count: Number(text) }
  const [kind, ...rest] = text.split(':')
  const value = rest.join(':')
  if ((kind === 'offset' || kind === 'last') && WHOLE.test(value)) return { kind, count: Number(value) }
  const timestampMs = kind === 'time' && value.trim() !== '' ? parseMoment(value) : undefined
  if (timestampMs !== undefined) return { kind: 'time', timestampMs }
  throw new InvalidArgumentError('It must be beginning, end, offset:<number>, last:<number> or time:<ISO date>.')
}

export type Range = TopicPartition & { readonly offset: number; readonly endOffset: number }

/** From where to where a reader without `--follow` reads, partition by partition; positions that do not exist are moved. */
export async function rangesOf(
  log: Log,
  partitions: readonly TopicPartition[],
  from: From,
  isolation: IsolationLevel,
): Promise<readonly Range[]> {
  const [starts, ends] = await Promise.all([
    log.admin.startOffsets(partitions),
    log.admin.endOffsets(partitions, isolation),
  ])
  const found = await positionsOf(log, partitions, from, starts, ends)
  return partitions.map(({ topic, partition }, index) => {
    const startOffset = starts[index]?.offset ?? 0
    const endOffset = ends[index]?.offset ?? 0
    const offset = Math.max(startOffset, Math.min(found[index]?.offset ?? 0, endOffset))
    return { topic, partition, offset, endOffset }
  })
}

async function positionsOf(
  log: Log,
  partitions: readonly TopicPartition[],
  from: From,
  starts: readonly PartitionOffset[],
  ends: readonly PartitionOffset[],
): Promise<readonly PartitionOffset[]> {
  switch (from.kind) {
    case 'beginning':
      return starts
    case 'end':
      return ends
    case 'offset':
      return partitions.map((each) => ({ ...each, offset: from.count }))
    case 'last':
      return ends.map((end) => ({ ...end, offset: end.offset - from.count }))
    case 'time':
      return log.admin.offsetsForTimes(partitions.map((each) => ({ ...each, timestampMs: from.timestampMs })))
    default:
      return from satisfies never
  }
}
