import type { Prng } from '#streams/base'

/** What a member asks of the world; faults aim at one of them. */
export type Operation =
  | 'poll'
  | 'produce'
  | 'commit'
  | 'commit-offsets'
  | 'open-producer'
  | 'abort'
  | 'admin'
  | 'read-offsets'
  | 'join'
  | 'state'

/**
 * One thing that goes wrong, decided before the run begins: a run is its plan, so that faults can be taken out of it one
 * by one until only those are left that the failure needs.
 */
export type Fault = { readonly atMs: number; readonly member: number } & FaultKind

export type FaultKind =
  /** The next request of this kind never arrives; the caller sees a time-out. */
  | { readonly kind: 'lost-request'; readonly operation: Operation | 'any' }
  /** It is carried out, but the answer is lost; the caller sees a time-out. */
  | { readonly kind: 'lost-response'; readonly operation: Operation | 'any' }
  /** The caller sees a time-out first, then it is carried out. */
  | { readonly kind: 'late-request'; readonly operation: Operation | 'any'; readonly delayMs: number }
  | { readonly kind: 'delay'; readonly operation: Operation | 'any'; readonly delayMs: number }
  /** Carried out twice; only where that must change nothing. */
  | { readonly kind: 'duplicate-request'; readonly operation: Operation | 'any' }
  /** The process dies at the next request of this kind, before or after it was carried out, or between two timers. */
  | {
      readonly kind: 'crash'
      readonly operation: Operation | 'any' | 'batch'
      readonly point: 'before' | 'after'
      readonly downMs: number
      /** What is found of the state directory after the crash: all, as it was a while ago (power cut), or nothing. */
      readonly state: 'kept' | 'earlier' | 'lost'
    }
  /** Nothing of the process moves for a while (garbage collection, a suspended machine). */
  | { readonly kind: 'stall'; readonly durationMs: number }
  /** Each step takes long. */
  | { readonly kind: 'slow'; readonly durationMs: number; readonly stepMs: number }
  /** No request is answered for a while. */
  | { readonly kind: 'unreachable'; readonly durationMs: number }
  /** The group takes its tasks away at once; it learns of it later, and joins again: a zombie in between. */
  | { readonly kind: 'missed-heartbeat'; readonly learnsAfterMs: number }
  /** The tasks are given out anew. */
  | { readonly kind: 'rebalance' }
  /** Another process takes its name and transactional id while it still runs. */
  | { readonly kind: 'replaced' }
  /** A clean stop and start. */
  | { readonly kind: 'restart'; readonly downMs: number }
  | { readonly kind: 'clock-jump'; readonly byMs: number }
  /** The next write of a store fails. */
  | { readonly kind: 'state-disk-full' }
  /** The log ends the open transaction of this member, as after its time-out. */
  | { readonly kind: 'transaction-aborted' }
  /** Somebody's transaction stays open in a partition, and hides what is committed behind it (KIP-890). */
  | { readonly kind: 'hanging-transaction'; readonly durationMs: number; readonly place: number }
  /** Changelogs are compacted. */
  | { readonly kind: 'compaction' }
  /** The process with the embedded log dies, and every thread with it. */
  | {
      readonly kind: 'log-crash'
      readonly mode: 'kill' | 'power-cut' | 'power-cut-reordered'
      readonly downMs: number
      /** The crash happens at the so-many-th operation of the disk from then on, not between two. */
      readonly operationsAhead: number
    }
  | { readonly kind: 'log-disk-full'; readonly durationMs: number }
  /** One bit flips on a copy of the embedded log's disk, which is then opened. */
  | { readonly kind: 'bit-flip' }

export type FaultName = FaultKind['kind']

const OPERATIONS: readonly Operation[] = [
  'poll',
  'produce',
  'commit',
  'commit',
  'commit',
  'commit-offsets',
  'open-producer',
  'admin',
  'read-offsets',
  'join',
  'state',
]

export type FaultRange = {
  readonly members: number
  readonly durationMs: number
  readonly log: 'simulated' | 'embedded'
  readonly clockFaults: boolean
  /** Kinds that this run may have; the others are left out. */
  readonly kinds: readonly FaultName[]
  readonly count: number
}

export const SIMULATED_LOG_FAULTS: readonly FaultName[] = [
  'lost-request',
  'lost-response',
  'late-request',
  'delay',
  'duplicate-request',
  'crash',
  'stall',
  'slow',
  'unreachable',
  'missed-heartbeat',
  'rebalance',
  'replaced',
  'restart',
  'clock-jump',
  'state-disk-full',
  'transaction-aborted',
  'hanging-transaction',
  'compaction',
]

/** A log in the same process has no network between; it dies together with the threads. */
export const EMBEDDED_LOG_FAULTS: readonly FaultName[] = [
  'lost-request',
  'lost-response',
  'delay',
  'crash',
  'stall',
  'slow',
  'replaced',
  'restart',
  'clock-jump',
  'state-disk-full',
  'log-crash',
  'log-disk-full',
  'bit-flip',
]

export function drawFaults(prng: Prng, range: FaultRange): readonly Fault[] {
  const faults: Fault[] = []
  for (let i = 0; i < range.count; i++) {
    const name = range.kinds[prng.below(range.kinds.length)] as FaultName
    const atMs = prng.below(range.durationMs)
    const member = prng.below(range.members)
    const kind = drawFault(prng, name)
    if (kind.kind === 'clock-jump' && !range.clockFaults) continue
    faults.push({ atMs, member, ...kind })
  }
  return faults.sort((left, right) => left.atMs - right.atMs)
}

function drawFault(prng: Prng, kind: FaultName): FaultKind {
  const operation = (): Operation | 'any' =>
    prng.next() < 0.5 ? 'any' : (OPERATIONS[prng.below(OPERATIONS.length)] as Operation)
  const downMs = (): number => (prng.next() < 0.5 ? prng.below(500) : prng.below(5_000))
  switch (kind) {
    case 'lost-request':
      return { kind, operation: operation() }
    case 'lost-response':
      return { kind, operation: operation() }
    case 'duplicate-request':
      return { kind, operation: operation() }
    case 'late-request':
      return { kind, operation: operation(), delayMs: 1 + prng.below(3_000) }
    case 'delay':
      return { kind, operation: operation(), delayMs: 1 + prng.below(3_000) }
    case 'crash':
      return {
        kind,
        operation: prng.next() < 0.25 ? 'batch' : operation(),
        point: prng.next() < 0.5 ? 'before' : 'after',
        downMs: downMs(),
        state: (['kept', 'kept', 'kept', 'earlier', 'lost'] as const)[prng.below(5)] as 'kept',
      }
    case 'stall':
    case 'unreachable':
    case 'log-disk-full':
      return { kind, durationMs: 1 + prng.below(4_000) }
    case 'slow':
      return { kind, durationMs: 1 + prng.below(4_000), stepMs: 1 + prng.below(100) }
    case 'hanging-transaction':
      return { kind, durationMs: 1 + prng.below(8_000), place: prng.below(1_000) }
    case 'missed-heartbeat':
      return { kind, learnsAfterMs: prng.below(3_000) }
    case 'restart':
      return { kind, downMs: downMs() }
    case 'clock-jump':
      return { kind, byMs: prng.below(7_200_000) - 3_600_000 }
    case 'log-crash':
      return {
        kind,
        mode: (['kill', 'power-cut', 'power-cut-reordered'] as const)[prng.below(3)] as 'kill',
        downMs: downMs(),
        operationsAhead: prng.below(40),
      }
    case 'bit-flip':
    case 'rebalance':
    case 'replaced':
    case 'state-disk-full':
    case 'transaction-aborted':
    case 'compaction':
      return { kind }
    default:
      return kind satisfies never
  }
}

/** Under what it is counted: crashes by what they leave behind. */
export function countedAs(fault: Fault): string {
  if (fault.kind === 'log-crash') return `log-crash (${fault.mode})`
  if (fault.kind === 'crash') return `crash (state ${fault.state})`
  return fault.kind
}

/** One line for people. */
export function faultText(fault: Fault): string {
  const { atMs, member, kind, ...rest } = fault
  const details = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
  return `at ${atMs} ms, member ${member}: ${[kind, ...details].join(', ')}`
}
