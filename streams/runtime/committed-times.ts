import { utf8Encode } from '../base/bytes.ts'
import { StreamsError } from '../base/errors.ts'
import { murmur2 } from '../base/murmur2.ts'
import type { PunctuationType } from '../topology/index.ts'
import { encodeOffsetMetadata, entryBytes, OFFSET_METADATA_TIMES_BYTES_MAX } from './offset-metadata.ts'

/** Longer names of nodes are shortened to so many characters, hash included. */
const NODE_NAME_CHARACTERS_MAX = 20
const PREFIXES: Readonly<Record<PunctuationType, string>> = { 'stream-time': 's:', 'wall-clock-time': 'w:' }

/** The room beside an offset is small: names are as short as they can be and still the same after a restart. */
export function scheduleName(type: PunctuationType, nodeName: string, number: number): string {
  return `${PREFIXES[type]}${shortNodeName(nodeName)}:${number}`
}

function shortNodeName(name: string): string {
  if (name.length <= NODE_NAME_CHARACTERS_MAX) return name
  const hash = (murmur2(utf8Encode(name)) >>> 0).toString(36).padStart(7, '0')
  return `${name.slice(0, NODE_NAME_CHARACTERS_MAX - hash.length - 1)}~${hash}`
}

/**
 * The numbers that a task commits beside its offsets: times of operators, and when punctuation fires next. A log takes
 * only so many bytes there. Next times of wall-clock punctuation are left out where they do not fit: after a restart it
 * fires an interval from then. What cannot be left out is refused when it is first asked for, not with the commit.
 */
export class CommittedTimes {
  readonly times: Map<string, number> = new Map()
  readonly #taskId: string
  /** Bytes of what must be committed, and of what will have to be: stream-time schedules that have not fired yet. */
  readonly #required = new Map<string, number>()
  #requiredBytes = 0

  constructor(taskId: string) {
    this.#taskId = taskId
  }

  /** What was committed; schedules of nodes that the topology has no more are forgotten. */
  restore(times: ReadonlyMap<string, number>, nodeNames: Iterable<string>): void {
    const known = new Set([...nodeNames].map(shortNodeName))
    for (const [name, timeMs] of times) {
      if (isSchedule(name) && !known.has(name.slice(2, name.lastIndexOf(':')))) continue
      if ((this.times.get(name) ?? -1) >= timeMs) continue
      this.times.set(name, timeMs)
      this.#reserve(name)
    }
  }

  /** LIMIT_EXCEEDED where a stream-time schedule of this name could not be committed. */
  requireRoom(name: string, nodeName: string, intervalMs: number): void {
    if (name.startsWith(PREFIXES['wall-clock-time']) || this.#required.has(name)) return
    this.#reserve(name)
    if (this.#requiredBytes <= OFFSET_METADATA_TIMES_BYTES_MAX) return
    this.delete(name)
    const schedules = [...this.#required.keys()].filter(isSchedule).length
    throw new StreamsError(
      'LIMIT_EXCEEDED',
      `node ${nodeName} of task ${this.#taskId} schedules stream-time punctuation (every ${intervalMs} ms), but there is no ` +
        `room for its next time beside the committed offset: ${schedules} schedules and the times of operators fill the ` +
        `${OFFSET_METADATA_TIMES_BYTES_MAX} bytes. Cancel schedules that are done, keep deadlines in a store and let one ` +
        'schedule look through it',
    )
  }

  /** False if it would not rise. */
  set(name: string, timeMs: number): boolean {
    const before = this.times.get(name)
    if (before !== undefined && before >= timeMs) return false
    this.times.set(name, timeMs)
    if (before === undefined) this.#reserve(name)
    return true
  }

  /** False if nothing was committed under the name. */
  delete(name: string): boolean {
    this.#requiredBytes -= this.#required.get(name) ?? 0
    this.#required.delete(name)
    return this.times.delete(name)
  }

  encode(partitionTimeMs: number): string {
    let room = OFFSET_METADATA_TIMES_BYTES_MAX - this.#requiredBytes
    const times = new Map<string, number>()
    for (const [name, timeMs] of this.times) {
      if (!this.#required.has(name)) {
        const bytes = entryBytes(name)
        if (bytes > room) continue
        room -= bytes
      }
      times.set(name, timeMs)
    }
    return encodeOffsetMetadata({ partitionTimeMs, times })
  }

  #reserve(name: string): void {
    if (name.startsWith(PREFIXES['wall-clock-time']) || this.#required.has(name)) return
    const bytes = entryBytes(name)
    this.#required.set(name, bytes)
    this.#requiredBytes += bytes
  }
}

function isSchedule(name: string): boolean {
  return name.startsWith(PREFIXES['stream-time']) || name.startsWith(PREFIXES['wall-clock-time'])
}
