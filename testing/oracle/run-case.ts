import { createStreamsBuilder, nullable, serdes } from '#streams'
import { createPrng, messageOf } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { createTestDriver, openTestDriver, type TestDriver, type TestDriverOptions } from '../test-driver/index.ts'
import type { OracleCase, OracleInput, OracleOutput, OracleResult } from './format.ts'
import { type OracleTopology, oracleOutputTopics, oracleTopologies } from './topologies.ts'

export type OracleRun = {
  /** `memory`: in-memory stores, restored whole; `persistent`: as Java's RocksDB stores, kept by `stateEngine`. */
  readonly persistence: 'persistent' | 'memory'
  /** `headers`: stores that keep headers, which must change no output. */
  readonly storeFormat?: 'default' | 'headers'
  /** Keeps the persistent stores; without it they are on a memory engine. */
  readonly stateEngine?: StateEngine
  /** Crashes once before a random input and once loses the state directory as well; the outputs must not change. */
  readonly crashSeed?: number
  /** The topology by name; default: the 63 of Java's answers. */
  readonly topologies?: Readonly<Record<string, OracleTopology>>
}

const TEXT = nullable(serdes.string)

/** Feeds the inputs of a case to its topology, one at a time, and collects what comes out of each. */
export async function runCase(oracleCase: OracleCase, run: OracleRun): Promise<OracleResult> {
  const { name, topology, inputs } = oracleCase
  const build = (run.topologies ?? oracleTopologies)[topology]
  if (build === undefined) {
    throw new Error(
      `case ${name} is for topology ${topology}, which is not known; known: ${Object.keys(oracleTopologies).join(', ')}`,
    )
  }
  const builder = createStreamsBuilder()
  build(builder)
  const built = builder.build({ persistence: run.persistence, storeFormat: run.storeFormat ?? 'default' })
  const options: TestDriverOptions = { applicationId: 'oracle' }
  if (run.stateEngine === undefined) {
    const driver = createTestDriver(built, options)
    const outputs = feed(driver, topology, inputs, run.crashSeed)
    closeQuietly(driver, outputs)
    return { name, topology, outputs }
  }
  const driver = await openTestDriver(built, { ...options, stateEngine: run.stateEngine })
  const outputs = feed(driver, topology, inputs, run.crashSeed)
  await driver.closeAll()
  for (const database of await run.stateEngine.list()) await run.stateEngine.destroy(database)
  return { name, topology, outputs }
}

/** A driver that ended with an error may have left iterators open; that is the error's matter. */
function closeQuietly(driver: TestDriver, outputs: readonly OracleOutput[]): void {
  try {
    driver.close()
  } catch (error) {
    if (!outputs.some((output) => 'error' in output)) throw error
  }
}

function feed(
  driver: TestDriver,
  topology: string,
  inputs: readonly OracleInput[],
  crashSeed: number | undefined,
): readonly OracleOutput[] {
  const readers = oracleOutputTopics(topology).map((topic) => ({
    topic,
    reader: driver.outputTopic(topic, { key: TEXT, value: TEXT }),
  }))
  const prng = createPrng(crashSeed ?? 0)
  const crashAt = crashSeed === undefined ? -1 : prng.below(inputs.length)
  const loseAt = crashSeed === undefined ? -1 : prng.below(inputs.length)
  const outputs: OracleOutput[] = []
  for (const [index, input] of inputs.entries()) {
    try {
      if (index === crashAt) driver.crash()
      if (index === loseAt) driver.crashAndLoseState()
      if ('advance' in input) driver.advanceWallClock(input.advance)
      else {
        const { topic, key, value, timestamp } = input
        driver.inputTopic(topic, { key: TEXT, value: TEXT }).pipe(key, value, timestamp)
      }
    } catch (error) {
      outputs.push({ in: index, error: messageOf(error) })
      return outputs
    }
    for (const { topic, reader } of readers) {
      for (const { key, value, timestampMs } of reader.readAll())
        outputs.push({ in: index, topic, key, value, timestamp: timestampMs })
    }
  }
  return outputs
}
