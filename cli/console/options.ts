import { InvalidArgumentError, Option } from 'commander'
import type { LogLevel } from '#host'
import { MEMBERS_MAX, MEMBERS_MIN } from '#load'

/** Parsers of what is given on the command line. */

/** `Number` takes blank text for 0. */
function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function wholeFrom(text: string, minimum: number, maximum = Number.MAX_SAFE_INTEGER): number {
  const value = numberOf(text)
  if (value > maximum) throw new InvalidArgumentError(`It must be at most ${maximum}.`)
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new InvalidArgumentError(`It must be a whole number of at least ${minimum}.`)
  }
  return value
}

export const positive = (text: string): number => wholeFrom(text, 1)
/** Each is a worker: more than this is a slip of the finger. */
const THREADS_MAX = 256
export const threadCount = (text: string): number => wholeFrom(text, 1, THREADS_MAX)
export const memberCount = (text: string): number => wholeFrom(text, MEMBERS_MIN, MEMBERS_MAX)
export const count = (text: string): number => wholeFrom(text, 0)

export function notNegative(text: string): number {
  const value = numberOf(text)
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('It must be a number of at least 0.')
  return value
}

export function wholeNumber(text: string): number {
  const value = numberOf(text)
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.')
  return value
}

/** ISO 8601, or milliseconds since 1970; undefined for what is neither. */
export function parseMoment(text: string): number | undefined {
  const timeMs = /^\d{1,16}$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isSafeInteger(timeMs) ? timeMs : undefined
}

export function moment(text: string): number {
  const timeMs = parseMoment(text)
  if (timeMs === undefined) throw new InvalidArgumentError('It must be a time (ISO 8601, or milliseconds since 1970).')
  return timeMs
}

export function portNumber(text: string): number {
  const value = numberOf(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError('It must be a port number from 0 (any free one) to 65535.')
  }
  return value
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export function logLevelOption(otherwise: LogLevel): Option {
  return new Option('--log-level <level>', 'what is logged').choices(LOG_LEVELS).default(otherwise)
}

/** The environment is read here and nowhere else. */
export const DATA_DIRECTORY_DEFAULT = process.env.MTO_DATA_DIR ?? './data'
export const PORT_DEFAULT = (): number => portNumber(process.env.PORT ?? '8080')
