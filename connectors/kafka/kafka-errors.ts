import { protocolErrors, protocolErrorsCodesById } from '@platformatic/kafka'
import { hasCode, messageOf, StreamsError, type StreamsErrorCode } from '#streams/base'

/** Error codes of the protocol that the client treats each in its own way; the rest goes by their names. */
export const KAFKA_ERROR = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  messageTooLarge: 10,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  unknownMemberId: 25,
  topicAuthorizationFailed: 29,
  unsupportedVersion: 35,
  topicAlreadyExists: 36,
  invalidRequest: 42,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  invalidTransactionState: 48,
  concurrentTransactions: 51,
  storageError: 56,
  unknownProducerId: 59,
  nonEmptyGroup: 68,
  groupIdNotFound: 69,
  fencedLeaderEpoch: 74,
  unstableOffsetCommit: 88,
  producerFenced: 90,
  unknownTopicId: 100,
  fencedMemberEpoch: 110,
  staleMemberEpoch: 113,
  transactionalIdNotFound: 105,
  transactionAbortable: 120,
} as const

/** An error code in a response, or a request that got none; it knows whether trying again can help. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly errorCode: number | undefined
  readonly canRetry: boolean

  constructor(message: string, errorCode: number | undefined, canRetry: boolean, cause?: unknown) {
    super(message, { cause })
    this.errorCode = errorCode
    this.canRetry = canRetry
  }
}

const RETRIED: ReadonlySet<number> = new Set([
  KAFKA_ERROR.unknownTopicOrPartition,
  KAFKA_ERROR.concurrentTransactions,
  KAFKA_ERROR.unstableOffsetCommit,
  KAFKA_ERROR.unknownTopicId,
])

export function canRetry(errorCode: number): boolean {
  if (RETRIED.has(errorCode)) return true
  return protocolErrors[errorName(errorCode)]?.canRetry ?? false
}

export function errorName(errorCode: number): string {
  return protocolErrorsCodesById[errorCode] ?? `error ${errorCode}`
}

export function kafkaError(errorCode: number, what: string, detail?: string | null): KafkaError {
  const name = errorName(errorCode)
  const reason = detail ?? protocolErrors[name]?.message ?? ''
  return new KafkaError(`${what}: ${name}${reason === '' ? '' : ` (${reason})`}`, errorCode, canRetry(errorCode))
}

/** Throws what an error code means; nothing for 0. */
export function check(errorCode: number, what: string, detail?: string | null): void {
  if (errorCode !== KAFKA_ERROR.none) throw kafkaError(errorCode, what, detail)
}

export function hasErrorCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof KafkaError && error.errorCode !== undefined && codes.includes(error.errorCode)
}

const FENCED: readonly number[] = [KAFKA_ERROR.invalidProducerEpoch, KAFKA_ERROR.producerFenced]
const MIGRATED: readonly number[] = [
  KAFKA_ERROR.illegalGeneration,
  KAFKA_ERROR.unknownMemberId,
  KAFKA_ERROR.fencedMemberEpoch,
  KAFKA_ERROR.staleMemberEpoch,
]
const UNKNOWN_STATE: readonly number[] = [
  KAFKA_ERROR.outOfOrderSequence,
  KAFKA_ERROR.unknownProducerId,
  KAFKA_ERROR.invalidTransactionState,
  KAFKA_ERROR.transactionAbortable,
]

function codeFor(error: unknown): StreamsErrorCode {
  if (!(error instanceof KafkaError) || error.errorCode === undefined) return 'LOG_UNAVAILABLE'
  const { errorCode } = error
  if (FENCED.includes(errorCode)) return 'FENCED'
  if (MIGRATED.includes(errorCode)) return 'TASK_MIGRATED'
  if (UNKNOWN_STATE.includes(errorCode) || error.canRetry) return 'LOG_UNAVAILABLE'
  if (errorCode === KAFKA_ERROR.messageTooLarge || errorCode === KAFKA_ERROR.recordListTooLarge)
    return 'RECORD_TOO_LARGE'
  if (errorCode === KAFKA_ERROR.offsetOutOfRange) return 'OFFSET_OUT_OF_RANGE'
  return 'LOG_REFUSED'
}

/** What the engine is told: retries are over, so what could have been retried is now "unavailable". */
export function streamsError(error: unknown, what: string): StreamsError {
  if (error instanceof StreamsError) return error
  return new StreamsError(codeFor(error), `${what}: ${messageOf(error)}`, { cause: error })
}

export function isClosed(error: unknown): boolean {
  return hasCode(error, 'CLOSED')
}
