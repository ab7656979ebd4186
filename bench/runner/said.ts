import type { Percentiles } from '../peers/statistics.ts'
import type { ThreadProfile } from '../profile/profile-thread.ts'

export type Drained = {
  readonly kind: 'drained'
  readonly name: string
  readonly events: number
  readonly seconds: number
  /** User and system time of the process, all threads. */
  readonly cpuMicros: number
  readonly residentMiB: number
  /** Files of the state databases. */
  readonly stateMiB: number
  readonly profiles?: readonly ThreadProfile[]
  /** Processor time by the kind of thread, in µs: of those that run no JavaScript too. */
  readonly threads?: Readonly<Record<string, number>>
}

export type Paced = {
  readonly kind: 'paced'
  readonly name: string
  readonly events: number
  readonly latency: Percentiles
  /** How late an event was sent at worst: it is in the latencies. */
  readonly lateMsMax: number
  readonly cpuMicros: number
}

/** What the process of a measurement says. */
export type Said =
  | { readonly kind: 'ready'; readonly atMs: number; readonly restored: number; readonly load: number }
  | Drained
  | { readonly kind: 'pacing'; readonly name: string; readonly measuredFromMs: number }
  | Paced
  | { readonly kind: 'serving'; readonly url: string }
  | { readonly kind: 'held' }
  | { readonly kind: 'failed'; readonly message: string }
