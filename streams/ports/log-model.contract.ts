import fc from 'fast-check'
import { expect } from 'vitest'
import type { Bytes } from '../base/index.ts'
import { type Headers, NO_HEADERS } from './headers.ts'
import type { Consumer, Log, Producer } from './log.ts'
import { fromStart, type LogContractTools, plain, readToEnd, uniqueName } from './log-harness.contract.ts'

const PARTITIONS = 3

type Sent = {
  readonly partition: number
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestampMs: number
  readonly headers: Headers
}
type Command =
  | { readonly kind: 'produce' | 'commit' | 'abort'; readonly records: readonly Sent[] }
  | { readonly kind: 'poll' | 'rewind' | 'pause' | 'resume'; readonly partition: number }
  | { readonly kind: 'restart' }

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }), { freq: 6 })
const headers = fc.array(fc.record({ key: fc.string({ maxLength: 8 }), value: bytes }), { maxLength: 2 })
const sent: fc.Arbitrary<Sent> = fc.record({
  partition: fc.nat(PARTITIONS - 1),
  key: bytes,
  value: fc.oneof(
    { weight: 9, arbitrary: bytes },
    { weight: 1, arbitrary: fc.constant(new Uint8Array(20_000).fill(7)) },
  ),
  timestampMs: fc.oneof(fc.nat(1_000_000), fc.integer({ min: 0, max: 2 ** 45 })),
  headers: fc.oneof({ weight: 4, arbitrary: fc.constant(NO_HEADERS) }, { weight: 1, arbitrary: headers }),
})
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('produce', 'commit', 'abort'),
      records: fc.array(sent, { maxLength: 30 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('poll', 'rewind', 'pause', 'resume'),
      partition: fc.nat(PARTITIONS - 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
) as fc.Arbitrary<Command>

type World = {
  readonly topic: string
  log: Log
  producer: Producer
  transactional: Producer
  consumer: Consumer
  /** What each partition holds, in order, and where the reader is in it (as a count of records). */
  readonly model: unknown[][]
  readonly read: number[]
}

/** Random histories against lists in memory: what was written is read, once and in order, from wherever one reads. */
export function logModelTest(
  check: (title: string, body: () => Promise<void>) => void,
  tools: LogContractTools,
  runs: number,
): void {
  check('random histories read as a model says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), (commands) => runHistory(tools, commands)),
      { numRuns: runs, seed: 20_260_101, endOnFailure: false },
    )
  })
}

async function runHistory(tools: LogContractTools, commands: readonly Command[]): Promise<void> {
  const log = await tools.connect()
  const topic = await tools.topic(log, PARTITIONS, { retentionMs: -1 })
  const partitions = fromStart(topic, PARTITIONS)
  const world: World = {
    topic,
    log,
    ...(await clients(tools, log, topic)),
    model: partitions.map(() => []),
    read: partitions.map(() => 0),
  }
  for (const each of commands) await run(tools, world, each)
  const fresh = await tools.consumer(world.log, partitions)
  const records = await readToEnd(world.log, fresh, partitions)
  expect(records.map((list) => list.map(plain))).toEqual(world.model)
  await world.log.close()
}

async function clients(tools: LogContractTools, log: Log, topic: string) {
  return {
    producer: await tools.producer(log, [topic]),
    transactional: await tools.producer(log, [topic], `tx-${topic}`),
    consumer: await tools.consumer(log, fromStart(topic, PARTITIONS), { pollRecordsMax: 10, pollBytesMax: 30_000 }),
  }
}

async function run(tools: LogContractTools, world: World, each: Command): Promise<void> {
  const { topic, consumer } = world
  switch (each.kind) {
    case 'produce':
      send(world.producer, world, each.records)
      await world.producer.flush()
      return remember(world, each.records)
    case 'commit':
      send(world.transactional, world, each.records)
      await world.transactional.commitTransaction(uniqueName('group'), [])
      return remember(world, each.records)
    case 'abort':
      send(world.transactional, world, each.records)
      return world.transactional.abortTransaction()
    case 'poll':
      return pollAndCompare(world)
    case 'rewind':
      consumer.seek({ topic, partition: each.partition, offset: 0 })
      world.read[each.partition] = 0
      return
    case 'pause':
      return consumer.pause([{ topic, partition: each.partition }])
    case 'resume':
      return consumer.resume([{ topic, partition: each.partition }])
    case 'restart':
      await world.log.close()
      world.log = await tools.connect()
      Object.assign(world, await clients(tools, world.log, topic))
      world.read.fill(0)
      return
    default:
      each satisfies never
  }
}

function send(producer: Producer, { topic }: World, records: readonly Sent[]): void {
  for (const { partition, key, value, timestampMs, headers: list } of records) {
    producer.send(topic, partition, key, value, timestampMs, list)
  }
}

function remember({ model }: World, records: readonly Sent[]): void {
  for (const record of records) model[record.partition]?.push(plain({ offset: 0, ...record }))
}

async function pollAndCompare({ consumer, model, read }: World): Promise<void> {
  for (const { partition, records } of await consumer.poll(1)) {
    const from = read[partition] as number
    expect(records.map(plain)).toEqual(model[partition]?.slice(from, from + records.length))
    read[partition] = from + records.length
  }
}
