import type { ProcessingGuarantee } from '#streams/runtime'

export const topologyNames = ['stateless', 'count', 'window', 'join', 'peer', 'peer-every-update', 'latest'] as const
export type TopologyName = (typeof topologyNames)[number]

/**
 * What the module runs that each thread imports (application.ts). It crosses to the threads in the query of the
 * module's URL, since a thread is told nothing else.
 */
export type ApplicationSettings = {
  readonly topology: TopologyName
  readonly partitions: number
  readonly isProfiled: boolean
}

export type WriteStep = {
  readonly kind: 'write'
  /** Number of the first event; those that follow are a millisecond of event time apart. */
  readonly from: number
  readonly events: number
  readonly keys: number
  /** One event for each key, in turn, in place of keys at random. */
  readonly isInTurn?: boolean
}
export type DrainStep = { readonly kind: 'drain'; readonly name: string; readonly events: number }
export type PacedStep = {
  readonly kind: 'paced'
  readonly name: string
  readonly from: number
  readonly rate: number
  readonly keys: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

/**
 * What one process does, in order:
 * - `members`: the table that peer and join look members up in is written;
 * - `write`: inputs are written while the application rests;
 * - `drain`: it runs until all inputs are committed, and what that cost is told;
 * - `paced`: events at a steady rate, one output each, and how long each took;
 * - `serve`: the query API, for those who ask from another process, while later steps go on;
 * - `hold`: nothing more, until it is killed.
 */
export type Step =
  | { readonly kind: 'members' }
  | WriteStep
  | DrainStep
  | PacedStep
  | { readonly kind: 'serve' }
  | { readonly kind: 'hold' }

export type Plan = {
  /** Log and state live below it. */
  readonly directory: string
  readonly applicationId: string
  readonly application: ApplicationSettings
  readonly threads: number
  readonly commitIntervalMs: number
  readonly guarantee: ProcessingGuarantee
  readonly stateCacheBytesMax?: number
  readonly stateWriteBufferBytesMax?: number
  readonly cleanEntriesPerStoreMax?: number
  readonly steps: readonly Step[]
}

export const DEFAULT_PLAN = {
  applicationId: 'bench',
  threads: 1,
  commitIntervalMs: 100,
  guarantee: 'exactly_once_v2',
} as const

export const SAMPLING_INTERVAL_US = 500

export function moduleUrl({ topology, partitions, isProfiled }: ApplicationSettings): URL {
  const url = new URL('./application.ts', import.meta.url)
  url.searchParams.set('topology', topology)
  url.searchParams.set('partitions', String(partitions))
  if (isProfiled) url.searchParams.set('profiled', 'yes')
  return url
}

export function settingsIn(url: string): ApplicationSettings {
  const { searchParams } = new URL(url)
  const topology = topologyNames.find((name) => name === searchParams.get('topology'))
  if (topology === undefined) throw new Error(`${url} names no topology; there are ${topologyNames.join(', ')}`)
  return {
    topology,
    partitions: Number(searchParams.get('partitions')),
    isProfiled: searchParams.has('profiled'),
  }
}
