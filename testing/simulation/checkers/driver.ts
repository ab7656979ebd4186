import { hexOf } from '#streams/base'
import type { LogRecord, Serde } from '#streams/ports'
import { createTestDriver } from '../../test-driver/index.ts'
import type { FinishedRun } from './finished-run.ts'

const RAW: Serde<Uint8Array | null> = {
  name: 'raw',
  nullable: true,
  serialize: (data) => data as Uint8Array,
  deserialize: (bytes) => bytes,
}

/**
 * A second oracle that shares nothing with the run: the same topology in the test driver, fed with what the input
 * topics hold. Only where the output is determined by each input partition alone: every task reads one topic, and there
 * is one partition or one sub-topology; without record caches, global tables and wall-clock punctuation. The replay
 * covers the others.
 */
export function checkAgainstDriver(run: FinishedRun): void {
  if (!isDetermined(run)) return
  const { world, topology, resolved, config, partitions } = run
  world.checkedAgainstDriver = true
  const internal = new Set(resolved.internalTopics.map(({ name }) => name))
  const driver = createTestDriver(topology, {
    applicationId: config.applicationId,
    partitions: world.plan.partitions,
    config: { ...world.plan.config, cacheBytesMax: 0 },
  })
  const inputs = new Set(resolved.subTopologies.flatMap(topicsReadBy))
  for (const { topic, partition, records } of partitions.values()) {
    if (!inputs.has(topic) || internal.has(topic)) continue
    const input = driver.inputTopic(topic, { key: RAW, value: RAW })
    for (const { record } of records) input.pipeRecord({ ...record, partition })
  }
  for (const topic of resolved.writtenTopics) {
    if (internal.has(topic)) continue
    const written = [...partitions.values()].filter((final) => final.topic === topic).flatMap(({ records }) => records)
    const actual = written.filter(({ tag }) => tag !== undefined).map(({ record }) => textOf(record))
    const expected = driver.outputTopic(topic, { key: RAW, value: RAW }).readAll().map(textOf)
    compare(run, topic, actual, expected)
  }
  driver.close()
}

function isDetermined({ world, resolved, config }: FinishedRun): boolean {
  const { plan } = world
  const readsOneTopic = resolved.subTopologies.every((sub) => topicsReadBy(sub).length === 1)
  const isSingle = plan.partitions === 1 && resolved.subTopologies.every(({ partitionCount }) => partitionCount === 1)
  const isChain = isSingle || resolved.subTopologies.length === 1
  const isPlain = config.cacheBytesMax === 0 && config.deadLetterTopic === undefined
  return readsOneTopic && isChain && isPlain && resolved.globalStores.length === 0 && !plan.application.usesWallClock
}

function topicsReadBy({ sources }: FinishedRun['resolved']['subTopologies'][number]): readonly string[] {
  return sources.flatMap(({ topics }) => topics.map(({ name }) => name))
}

/** With several partitions, records of several tasks meet in one, in an order that nothing decides. */
function compare({ world }: FinishedRun, topic: string, actual: string[], expected: string[]): void {
  if (world.plan.partitions > 1) {
    actual.sort()
    expected.sort()
  }
  for (let at = 0; at < Math.max(actual.length, expected.length); at++) {
    if (actual[at] === expected[at]) continue
    world.violation('driver', `record ${at} of ${topic} is ${actual[at]}, in the test driver ${expected[at]}`)
    return
  }
}

function textOf({ key, value, timestampMs }: Pick<LogRecord, 'key' | 'value' | 'timestampMs'>): string {
  const hex = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : hexOf(bytes, bytes.length))
  return `${hex(key)}=${hex(value)}@${timestampMs}`
}
