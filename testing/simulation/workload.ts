import { type Bytes, type Prng, utf8Encode } from '#streams/base'
import type { Headers } from '#streams/ports'
import type { StreamsOptions } from '#streams/runtime'
import type { Topology } from '#streams/topology'
import type { FinalPartition } from './log-host.ts'

/** One record that the world writes to an input topic. */
export type SimulatedRecord = {
  readonly topic: string
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestampMs: number
  readonly headers?: Headers
  /** Default: Kafka's partition of the key. */
  readonly partition?: number
}

/** A topology with the input that it is run with. */
export type SimulatedApplication = {
  readonly name: string
  /** Where the topology fixes it. */
  readonly partitions?: number
  readonly build: (persistence: 'persistent' | 'memory') => Topology
  readonly records: (prng: Prng) => readonly SimulatedRecord[]
  /** Punctuates by the wall clock: its clocks neither jump nor differ, or what it gives would not be determined. */
  readonly usesWallClock: boolean
  readonly config?: Partial<StreamsOptions>
  /** Topics that exist beside those that the topology names. */
  readonly topics?: readonly string[]
  /** How often it is drawn, compared with others; default 1. */
  readonly weight?: number
  /** Throws where the topics at the end of a run are not as they must be. */
  readonly check?: (partitions: readonly FinalPartition[], isExactlyOnce: boolean) => void
}

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const WORDS = ['x', 'ant', 'bee', 'a:1', 'b:2', 'c:7', '3', '12', '5', 'apple pie', 'dog'] as const

export function textRecord(
  topic: string,
  key: string | null,
  value: string | null,
  timestampMs: number,
): SimulatedRecord {
  return {
    topic,
    key: key === null ? null : utf8Encode(key),
    value: value === null ? null : utf8Encode(value),
    timestampMs,
  }
}

/** Texts with few keys and times that mostly rise, sometimes late, sometimes far ahead. */
export function textRecords(prng: Prng, topics: readonly string[], count: number): readonly SimulatedRecord[] {
  const keys = KEYS.slice(0, 1 + prng.below(KEYS.length))
  const stepMs = 1 + prng.below(4_000)
  const nulls = prng.next() < 0.5 ? 0.1 : 0
  let atMs = 0
  return Array.from({ length: count }, () => {
    atMs += prng.below(stepMs)
    if (prng.next() < 0.02) atMs += prng.below(40_000)
    const late = prng.next() < 0.2 ? prng.below(15_000) : 0
    const topic = topics[prng.below(topics.length)] as string
    const key = prng.next() < nulls / 2 ? null : (keys[prng.below(keys.length)] as string)
    const value = prng.next() < nulls ? null : (WORDS[prng.below(WORDS.length)] as string)
    return textRecord(topic, key, value, Math.max(0, atMs - late))
  })
}
