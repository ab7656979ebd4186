import { nullable, type StorePersistence, serdes } from '#streams'
import { createPrng, type Prng } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { buildProgram, inputTopics, type OutputTraits, type Program, type ProgramInput } from '../generator/index.ts'
import { createTestDriver, openTestDriver, type TestDriver } from '../test-driver/index.ts'

/** How one program is run. All runs of a program on the same inputs must agree, as far as `agreement` says. */
export type Variant = {
  readonly name: string
  readonly persistence: StorePersistence
  readonly partitions: number
  readonly commitEvery: number
  readonly cacheBytesMax: number
  readonly crashes: boolean
  readonly optimization: 'none' | 'all'
  readonly storeFormat: 'default' | 'headers'
  readonly onDisk: boolean
  /** The variant that it is compared with; undefined for those that are compared with. */
  readonly like?: 'plain' | 'partitioned' | 'one topic'
  /** Only inputs of one topic, chosen by the seed. */
  readonly oneTopic?: true
  /**
   * `exact`: every record of every output, in order. `by-key`: the records of each key, in order, of outputs whose
   * order the partitions leave alone. `final`: the last value of each key, of outputs that are tables.
   */
  readonly agreement: 'exact' | 'by-key' | 'final'
}

const PLAIN: Variant = {
  name: 'plain',
  persistence: 'persistent',
  partitions: 1,
  commitEvery: 1,
  cacheBytesMax: 0,
  crashes: false,
  optimization: 'none',
  storeFormat: 'default',
  onDisk: false,
  agreement: 'exact',
}
const PARTITIONED: Variant = { ...PLAIN, name: 'partitioned', partitions: 3, like: 'plain', agreement: 'by-key' }

// What a crash makes a task read again lies ready in all its inputs, and is taken by timestamp rather than as it came.
const ONE_TOPIC: Variant = { ...PLAIN, name: 'one topic', oneTopic: true }

const CRASHING_CACHES: Variant = {
  ...ONE_TOPIC,
  name: 'one topic, caches, crashes',
  commitEvery: 5,
  cacheBytesMax: 1e6,
  crashes: true,
}

export const variants: readonly Variant[] = [
  PLAIN,
  PARTITIONED,
  { ...PLAIN, name: 'memory', persistence: 'memory', like: 'plain' },
  { ...PLAIN, name: 'crashes', crashes: true, like: 'plain' },
  { ...PLAIN, name: 'memory, crashes', persistence: 'memory', crashes: true, like: 'plain' },
  { ...PARTITIONED, name: 'partitioned, crashes', crashes: true, like: 'partitioned', agreement: 'exact' },
  ONE_TOPIC,
  { ...ONE_TOPIC, name: 'one topic, rare commits, crashes', commitEvery: 5, crashes: true, like: 'one topic' },
  { ...PLAIN, name: 'caches', commitEvery: 7, cacheBytesMax: 4000, like: 'plain', agreement: 'final' },
  { ...CRASHING_CACHES, like: 'one topic', agreement: 'final' },
  { ...PLAIN, name: 'headers, crashes', storeFormat: 'headers', crashes: true, like: 'plain' },
  { ...CRASHING_CACHES, name: 'headers, caches', storeFormat: 'headers', like: 'one topic', agreement: 'final' },
  { ...PLAIN, name: 'optimised', optimization: 'all', like: 'plain', agreement: 'final' },
  { ...PLAIN, name: 'optimised, crashes', optimization: 'all', crashes: true, like: 'plain', agreement: 'final' },
]
export const diskVariant: Variant = { ...PLAIN, name: 'on disk, crashes', onDisk: true, crashes: true, like: 'plain' }

export type ProgramOutput = { readonly key: string | null; readonly value: string | null; readonly timestampMs: number }
/** By topic, then by partition. */
export type RunResult = {
  readonly traits: readonly OutputTraits[]
  readonly outputs: ReadonlyMap<string, readonly (readonly ProgramOutput[])[]>
}

const text = nullable(serdes.string)
const TEXT = { key: text, value: text } as const
const CRASHES_MAX = 3

export async function runVariant(
  program: Program,
  inputs: readonly ProgramInput[],
  variant: Variant,
  options: { readonly seed: number; readonly stateEngine?: StateEngine },
): Promise<RunResult> {
  const { persistence, optimization, storeFormat, partitions, commitEvery, cacheBytesMax, crashes } = variant
  const { topology, outputs } = buildProgram(program, { persistence, optimization, storeFormat })
  const driverOptions = { applicationId: 'fuzz', partitions, commitEvery, config: { cacheBytesMax } }
  const prng = createPrng(options.seed)
  const topics = [...inputTopics.streams, ...inputTopics.tables]
  const topic = topics[options.seed % topics.length]
  const chosen = variant.oneTopic === true ? inputs.filter((input) => input.topic === topic) : inputs
  if (!variant.onDisk || options.stateEngine === undefined) {
    const driver = createTestDriver(topology, driverOptions)
    const result = feed(driver, chosen, outputs, partitions, crashes ? prng : undefined)
    driver.close()
    return { traits: outputs, outputs: result }
  }
  const { stateEngine } = options
  const driver = await openTestDriver(topology, { ...driverOptions, stateEngine })
  try {
    return { traits: outputs, outputs: feed(driver, chosen, outputs, partitions, crashes ? prng : undefined) }
  } finally {
    await driver.closeAll()
    for (const name of await stateEngine.list()) await stateEngine.destroy(name)
  }
}

function feed(
  driver: TestDriver,
  inputs: readonly ProgramInput[],
  outputs: readonly OutputTraits[],
  partitions: number,
  prng: Prng | undefined,
): RunResult['outputs'] {
  const crashAt = new Set<number>()
  if (prng !== undefined) for (let i = 0; i < CRASHES_MAX; i++) crashAt.add(prng.below(Math.max(1, inputs.length)))
  for (const [index, { topic, key, value, timestampMs }] of inputs.entries()) {
    if (crashAt.has(index)) crash(driver, prng as Prng)
    // Not every program reads every topic.
    if (driver.topics().includes(topic)) driver.inputTopic(topic, TEXT).pipe(key, value, timestampMs)
  }
  if (prng !== undefined) crash(driver, prng)
  // Caches are flushed until nothing comes any more, through repartition topics too.
  driver.rebalance()
  return new Map(outputs.map(({ topic }) => [topic, readTopic(driver, topic, partitions)]))
}

function crash(driver: TestDriver, prng: Prng): void {
  const how = prng.below(3)
  if (how === 0) driver.crash()
  else if (how === 1) driver.crashAndLoseState()
  else driver.rebalance()
}

function readTopic(driver: TestDriver, topic: string, partitions: number): readonly (readonly ProgramOutput[])[] {
  const result: ProgramOutput[][] = Array.from({ length: partitions }, () => [])
  for (const { key, value, timestampMs, partition } of driver.outputTopic(topic, TEXT).readAll())
    result[partition]?.push({ key, value, timestampMs })
  return result
}
