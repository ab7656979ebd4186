import type { Prng } from '#streams/base'
import { inputTopics } from './program.ts'

export type ProgramInput = {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestampMs: number
}

const topics = [...inputTopics.streams, ...inputTopics.streams, ...inputTopics.tables, inputTopics.global]
const KEYS = ['a', 'b', 'c', 'd', 'e']
const START_MS = 100_000
const LATE_MS_MAX = 30_000
const JUMP_MS = 90_000

/**
 * Records whose times mostly rise by some seconds, but may be late by half a minute, or jump so far that everything
 * closes. Values are a letter (which serves as foreign key) and a digit.
 */
export function generateInputs(
  prng: Prng,
  options: { readonly count: number; readonly nullKeys: boolean },
): readonly ProgramInput[] {
  let nowMs = START_MS
  const pick = <T>(list: readonly T[]): T => list[prng.below(list.length)] as T
  return Array.from({ length: options.count }, () => {
    const step = prng.below(100)
    if (step < 80) nowMs += prng.below(4000)
    else if (step >= 96) nowMs += JUMP_MS
    const lateMs = prng.below(4) === 0 ? prng.below(LATE_MS_MAX) : 0
    return {
      topic: pick(topics),
      key: options.nullKeys && prng.below(12) === 0 ? null : pick(KEYS),
      value: prng.below(9) === 0 ? null : `${pick(KEYS)}${prng.below(10)}`,
      timestampMs: Math.max(0, nowMs - lateMs),
    }
  })
}
