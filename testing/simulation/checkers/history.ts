import { equalBytes, utf8Decode } from '#streams/base'
import type { LogRecord } from '#streams/ports'
import type { FinalPartition } from '../log-host.ts'
import { COMMITS_TOPIC } from '../observed-log.ts'
import type { Attempt, SentRecord } from '../registry.ts'
import type { FinishedRun } from './finished-run.ts'

/**
 * The attempts to commit that the log has carried out, in the order of the log. Without transactions an attempt can be
 * there in part; then those that were acknowledged whole.
 */
export function committedAttempts({ world, partitions, config }: FinishedRun): readonly Attempt[] {
  const isAtomic = config.processingGuarantee === 'exactly_once_v2'
  const markers = partitions.get(`${COMMITS_TOPIC}/0`)?.records ?? []
  const seen = new Set<number>()
  return markers.flatMap(({ record }) => {
    const id = Number(record.value === null ? -1 : utf8Decode(record.value))
    if (seen.has(id)) world.violation('history', `attempt ${id} was committed twice`)
    seen.add(id)
    const attempt = world.registry.attempts[id]
    return attempt !== undefined && (isAtomic || attempt.outcome === 'acknowledged') ? attempt : []
  })
}

/**
 * What clients saw of the log, in the style of Jepsen's checker of queues: lost write, duplicate, aborted read,
 * inconsistent offset, skipped poll. Records carry the attempt that sent them, so that each can be told from any other.
 */
export function checkHistory(run: FinishedRun, committed: readonly Attempt[]): void {
  checkOutcomes(run, committed)
  checkContents(run, committed)
  checkPolls(run, committed)
}

function checkOutcomes({ world }: FinishedRun, committed: readonly Attempt[]): void {
  const done = new Set(committed)
  for (const attempt of world.registry.attempts) {
    const text = `attempt ${attempt.id} of ${attempt.process}`
    if (attempt.outcome === 'acknowledged' && !done.has(attempt))
      world.violation('lost-write', `${text} was acknowledged, but the log does not have it`)
    // A repeated request can be refused although the first one was carried out.
    if (attempt.outcome === 'refused' && done.has(attempt) && world.plan.retriesMax === 0)
      world.violation('aborted-write', `${text} was refused, but the log has it`)
  }
}

/** Every partition holds the records of the committed attempts, each once, in the order of sending, byte for byte. */
function checkContents(run: FinishedRun, committed: readonly Attempt[]): void {
  const expected = new Map<string, SentRecord>()
  for (const attempt of committed) {
    for (const [number, sent] of attempt.sent.entries()) expected.set(`${attempt.id}/${number}`, sent)
  }
  for (const partition of run.partitions.values()) checkPartition(run, partition, expected)
  for (const [tag, { topic, partition }] of expected)
    run.world.violation('lost-write', `record ${tag} of a committed attempt is not in ${topic}-${partition}`)
}

/** Takes what it finds out of `expected`. */
function checkPartition(
  { world, config }: FinishedRun,
  { topic, partition, records }: FinalPartition,
  expected: Map<string, SentRecord>,
): void {
  const isAtomic = config.processingGuarantee === 'exactly_once_v2'
  const last = new Map<number, number>()
  for (const { record, tag } of records) {
    if (tag === undefined) continue
    const place = `${topic}-${partition}@${record.offset}`
    const sent = expected.get(tag)
    if (sent === undefined) {
      if (isAtomic) world.violation('duplicate', `${place} holds ${tag}, which is there twice or not committed`)
      continue
    }
    expected.delete(tag)
    if (sent.topic !== topic || sent.partition !== partition || !isSame(record, sent))
      world.violation('changed-record', `${place} is not what was sent as ${tag}`)
    const [attempt = 0, number = 0] = tag.split('/').map(Number)
    if (number < (last.get(attempt) ?? -1)) world.violation('order', `${place}: ${tag} stands behind a later record`)
    last.set(attempt, number)
  }
}

function isSame(record: LogRecord, sent: SentRecord): boolean {
  return (
    sameBytes(record.key, sent.key) && sameBytes(record.value, sent.value) && record.timestampMs === sent.timestampMs
  )
}

export function sameBytes(left: Uint8Array | null, right: Uint8Array | null): boolean {
  return left === null || right === null ? left === right : equalBytes(left, right)
}

function checkPolls({ world, partitions, config }: FinishedRun, committed: readonly Attempt[]): void {
  const isAtomic = config.processingGuarantee === 'exactly_once_v2'
  const done = new Set(committed.map(({ id }) => id))
  for (const poll of world.registry.polls) {
    const place = `${poll.topic}-${poll.partition}`
    const final = partitions.get(`${poll.topic}/${poll.partition}`)
    if (final === undefined) continue
    if (poll.dirty !== undefined)
      world.violation('dirty-read', `${poll.consumer} read ${poll.dirty} in ${place} before it was committed`)
    const byOffset = new Map(final.records.map((each) => [each.record.offset, each]))
    let before = -1
    for (const [i, offset] of poll.offsets.entries()) {
      const tag = poll.tags[i]
      const found = byOffset.get(offset)
      if (offset <= before) world.violation('nonmonotonic-poll', `${poll.consumer}: ${place} ${before}, then ${offset}`)
      before = offset
      if (isAtomic && tag !== undefined && !done.has(Number(tag.split('/')[0])))
        world.violation('aborted-read', `${poll.consumer} read ${place}@${offset} of ${tag}, which was never committed`)
      if (found !== undefined && found.tag !== tag)
        world.violation('inconsistent-offset', `${poll.consumer} read ${tag} at ${place}@${offset}, now ${found.tag}`)
    }
    checkSkipped(world, poll, final.live)
  }
}

/** Between the first record of a poll and its next position, every record that is still there was given. */
function checkSkipped(
  world: FinishedRun['world'],
  poll: FinishedRun['world']['registry']['polls'][number],
  live: readonly LogRecord[],
): void {
  if (poll.offsets.length === 0) return
  const given = new Set(poll.offsets)
  for (const { offset } of live) {
    if (offset < poll.position || offset >= poll.nextOffset || given.has(offset)) continue
    world.violation('skipped-poll', `${poll.consumer} passed over ${poll.topic}-${poll.partition}@${offset}`)
  }
}
