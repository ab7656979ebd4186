import type { ProcessingGuarantee } from '#streams/runtime'

export const peers = ['java', 'mto'] as const
export type Peer = (typeof peers)[number]
export const peerNames: Readonly<Record<Peer, string>> = { java: 'Java', mto: 'Mto' }

export type Configuration = {
  readonly name: string
  readonly title: string
  readonly guarantee: ProcessingGuarantee
  /** Of all threads together. */
  readonly cacheBytes: number
  /** Undefined: each side's own default. */
  readonly commitIntervalMs: number | undefined
}

const CACHE_BYTES = 10 * 1024 * 1024
/** Java's defaults: 30 s at-least-once, 100 ms exactly-once. */
const atLeastOnce = { guarantee: 'at_least_once', commitIntervalMs: 30_000 } as const
const exactlyOnce = { guarantee: 'exactly_once_v2', commitIntervalMs: 100 } as const
/** Java commits every 100 ms, Mto when it has caught up, and every 100 ms while it has not. */
const exactlyOnceOwn = { guarantee: 'exactly_once_v2', commitIntervalMs: undefined } as const

export const configurations: readonly Configuration[] = [
  { name: 'alo-cache', title: 'at-least-once, cache 10 MiB, commit 30 s', cacheBytes: CACHE_BYTES, ...atLeastOnce },
  { name: 'eos-cache', title: 'exactly-once, cache 10 MiB, commit 100 ms', cacheBytes: CACHE_BYTES, ...exactlyOnce },
  { name: 'alo', title: 'at-least-once, cache 0, commit 30 s', cacheBytes: 0, ...atLeastOnce },
  { name: 'eos', title: 'exactly-once, cache 0, commit 100 ms', cacheBytes: 0, ...exactlyOnce },
  { name: 'eos-own', title: "exactly-once, cache 0, each side's default commits", cacheBytes: 0, ...exactlyOnceOwn },
]

/** With events at a steady rate: nothing waits in a cache. */
export const pacedConfigurations: readonly Configuration[] = [
  {
    name: 'alo-paced',
    title: 'at-least-once, cache 0, commit 100 ms',
    guarantee: 'at_least_once',
    cacheBytes: 0,
    commitIntervalMs: 100,
  },
  { name: 'eos-paced', title: 'exactly-once, cache 0, commit 100 ms', cacheBytes: 0, ...exactlyOnce },
  {
    name: 'eos-own-paced',
    title: "exactly-once, cache 0, each side's default commits",
    cacheBytes: 0,
    ...exactlyOnceOwn,
  },
]
