import type { TaskId } from '../base/ids.ts'
import type { Headers } from '../ports/index.ts'
import type { Position } from './position.ts'

/**
 * Interactive queries as of KIP-796 ("version 2"): a query, and how it is to be answered, as plain data. Each partition
 * answers for itself: with a result, or with the reason why it has none. Names and reasons are Java's.
 */
export type StateQuery =
  /** KeyQuery: the value, without its timestamp. */
  | { readonly kind: 'key'; readonly key: unknown }
  /** TimestampedKeyQuery (KIP-992): value and timestamp; of timestamped stores only. */
  | { readonly kind: 'timestamped-key'; readonly key: unknown }
  /** RangeQuery, TimestampedRangeQuery; both bounds inclusive, absent = open (KIP-985: in either order). */
  | {
      readonly kind: 'range' | 'timestamped-range'
      readonly from?: unknown
      readonly to?: unknown
      readonly order?: QueryOrder
    }
  /** TimestampedKeyWithHeadersQuery and the like (KIP-1356): with timestamp and headers; of stores that keep headers only. */
  | { readonly kind: 'timestamped-key-with-headers'; readonly key: unknown }
  | {
      readonly kind: 'timestamped-range-with-headers'
      readonly from?: unknown
      readonly to?: unknown
      readonly order?: QueryOrder
    }
  | {
      readonly kind: 'window-key-with-headers'
      readonly key: unknown
      readonly fromMs: number
      readonly toMs: number
    }
  | { readonly kind: 'window-range-with-headers'; readonly fromMs: number; readonly toMs: number }
  /** TimestampedWindowRangeWithHeadersQuery.withKey: the timestamp of a session is its end. */
  | { readonly kind: 'session-with-headers'; readonly key: unknown }
  /** WindowKeyQuery: windows of the key that start in [fromMs, toMs]. */
  | { readonly kind: 'window-key'; readonly key: unknown; readonly fromMs: number; readonly toMs: number }
  /** WindowRangeQuery.withWindowStartRange: windows of all keys that start in [fromMs, toMs]. */
  | { readonly kind: 'window-range'; readonly fromMs: number; readonly toMs: number }
  /** WindowRangeQuery.withKey: all sessions of the key. */
  | { readonly kind: 'session'; readonly key: unknown }
  /** VersionedKeyQuery (KIP-960): the latest version, or the one that was valid at `asOfMs`. */
  | { readonly kind: 'versioned-key'; readonly key: unknown; readonly asOfMs?: number }
  /** MultiVersionedKeyQuery (KIP-968): versions valid anywhere in [fromMs, toMs]; the newest first unless ascending. */
  | {
      readonly kind: 'multi-versioned-key'
      readonly key: unknown
      readonly fromMs?: number
      readonly toMs?: number
      readonly order?: QueryOrder
    }

export type QueryOrder = 'ascending' | 'descending'

export type StateQueryRequest = {
  readonly store: string
  readonly query: StateQuery
  /** Default: all that are here. */
  readonly partitions?: readonly number[]
  /** The answer must have got at least so far; else NOT_UP_TO_BOUND. */
  readonly positionBound?: Position
  /** Only from tasks that run, not from those that restore nor from standbys; else NOT_ACTIVE. */
  readonly requireActive?: boolean
  /**
   * `read-committed` leaves out what the running transaction has written. Default: `read-uncommitted`, as in Java
   * (default.interactive.query.isolation.level).
   */
  readonly isolation?: 'read-committed' | 'read-uncommitted'
  /** Past the record cache: what it holds back is not committed either, so this is as `read-committed`. */
  readonly skipCache?: boolean
  /** Says in `executionInfo` who answered. */
  readonly executionInfo?: boolean
  /** Entries of one partition's result at most; default 10,000. A result that was cut says so. */
  readonly limit?: number
}

export type FailureReason =
  | 'UNKNOWN_QUERY_TYPE'
  | 'NOT_ACTIVE'
  | 'NOT_UP_TO_BOUND'
  | 'NOT_PRESENT'
  | 'DOES_NOT_EXIST'
  | 'STORE_EXCEPTION'

export type StateQueryEntry = {
  readonly key?: unknown
  readonly value: unknown
  readonly timestampMs?: number
  readonly headers?: Headers
  /** Of a window or session; of a version its validity, where `endMs` is absent while it is the latest. */
  readonly startMs?: number
  readonly endMs?: number
}

type Answered = {
  readonly taskId: TaskId | undefined
  /** Of a standby: empty, since it reads changelogs and no inputs. */
  readonly position: Position
  readonly executionInfo: readonly string[]
  /** A copy of the state has answered, not who runs the task. */
  readonly isStandby?: boolean
}
export type PartitionResult =
  | (Answered & {
      readonly isSuccess: true
      /** None, one or many. */
      readonly entries: readonly StateQueryEntry[]
      readonly isCut: boolean
      readonly streamTimeMs: number
    })
  | (Answered & { readonly isSuccess: false; readonly reason: FailureReason; readonly message: string })

export type StateQueryResult = {
  readonly partitions: Readonly<Record<number, PartitionResult>>
  /** Of a global store, which has no partitions. */
  readonly global?: PartitionResult
}
