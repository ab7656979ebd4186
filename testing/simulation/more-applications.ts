import { createStreamsBuilder, nullable, type Serde, serdes, type Topology } from '#streams'
import { createPrng, type Prng, utf8Encode } from '#streams/base'
import { sendToDeadLetterTopic } from '#streams/runtime'
import { type BenchEvent, benchEvent, EVENTS_TOPIC, MEMBERS_TOPIC } from '../../bench/topologies/event.ts'
import { buildProgram, generateInputs, generateProgram } from '../generator/index.ts'
import { optimizationOf } from './random-topology.ts'
import { type SimulatedApplication, type SimulatedRecord, textRecord } from './workload.ts'

export const DEAD_LETTERS_TOPIC = 'dead-letters'

/** Numbers as text; anything else cannot be read. */
const strictNumber: Serde<number> = {
  name: 'strict-number',
  serialize: (value) => utf8Encode(String(value)),
  deserialize: (bytes) => {
    const text = new TextDecoder().decode(bytes)
    if (!/^\d+$/.test(text)) throw new Error(`'${text}' is no number`)
    return Number(text)
  },
}

/** Sums numbers; what cannot be read, and what the processor refuses, goes to dead letters. */
export const deadLetterApplication: SimulatedApplication = {
  name: 'dead_letters',
  usesWallClock: false,
  config: {
    deadLetterTopic: DEAD_LETTERS_TOPIC,
    deserializationExceptionHandler: sendToDeadLetterTopic(DEAD_LETTERS_TOPIC),
    processingExceptionHandler: sendToDeadLetterTopic(DEAD_LETTERS_TOPIC),
  },
  build: (persistence) => {
    const builder = createStreamsBuilder()
    builder
      .stream('in', { key: nullable(serdes.string), value: strictNumber })
      .mapValues(
        (value) => {
          if (value % 7 === 3) throw new Error(`${value} is refused`)
          return value
        },
        { value: strictNumber },
      )
      .groupByKey({ key: serdes.string })
      .reduce((sum, value) => sum + value, { store: 'sums' })
      .toStream()
      .filter((_key, value) => value !== null)
      .mapValues((value) => String(value), { value: serdes.string })
      .to('out')
    return builder.build({ persistence })
  },
  records: (prng) =>
    Array.from({ length: 20 + prng.below(80) }, (_, i) => {
      const value = prng.next() < 0.3 ? `poison-${i}` : String(prng.below(50))
      return textRecord('in', 'abc'.charAt(prng.below(3)), value, i * 100)
    }),
}

/** A topology of the generator that the fuzz tests use too. */
export function programApplication(seed: number): SimulatedApplication {
  const program = generateProgram(createPrng(seed))
  return {
    name: `program/${seed}`,
    usesWallClock: false,
    build: (persistence) => buildProgram(program, { persistence, optimization: optimizationOf(seed) }).topology,
    records: (prng) =>
      generateInputs(prng, { count: 20 + prng.below(100), nullKeys: prng.next() < 0.5 }).map(
        ({ topic, key, value, timestampMs }) => textRecord(topic, key, value, timestampMs),
      ),
  }
}

const json = (value: unknown): Uint8Array => utf8Encode(JSON.stringify(value))

function benchRecords(prng: Prng): readonly SimulatedRecord[] {
  const members = ['m1', 'm2', 'm3', 'm4']
  return Array.from({ length: 30 + prng.below(120) }, (_, i): SimulatedRecord => {
    const memberId = members[prng.below(members.length)] as string
    const timestampMs = i * 700
    if (prng.next() < 0.1) {
      const member = { name: memberId, limitMinor: prng.below(3_000_000) }
      return { topic: MEMBERS_TOPIC, key: utf8Encode(memberId), value: json(member), timestampMs }
    }
    const event: BenchEvent = { ...benchEvent(i), memberId }
    return { topic: EVENTS_TOPIC, key: utf8Encode(memberId), value: json(event), timestampMs }
  })
}

/** The topologies of the benchmarks, with few members. */
export async function benchApplications(): Promise<readonly SimulatedApplication[]> {
  const names = ['stateless', 'count', 'join', 'window', 'peer'] as const
  const modules: readonly { readonly topology: () => Topology }[] = await Promise.all([
    import('../../bench/topologies/stateless.ts'),
    import('../../bench/topologies/count.ts'),
    import('../../bench/topologies/join.ts'),
    import('../../bench/topologies/window.ts'),
    import('../../bench/topologies/peer.ts'),
  ])
  return names.map((name, i) => ({
    name: `bench_${name}`,
    usesWallClock: false,
    build: () => (modules[i] as { readonly topology: () => Topology }).topology(),
    records: benchRecords,
  }))
}
