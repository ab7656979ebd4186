import { expect, test } from 'vitest'
import { createPrng, type Prng, utf8Decode, utf8Encode } from '#streams/base'
import { type CommittedOffset, type Log, NO_HEADERS } from '#streams/ports'
import { readToEnd } from '../../streams/ports/log-harness.contract.ts'
import { createMemoryDisk, type LogOwner, type MemoryDisk } from './index.ts'
import { openOwner } from './testing/tools.ts'

/** So small that everything that happens in the background happens all the time, and reads come from files. */
const SETTINGS = {
  flushBytes: 300,
  checkpointBytes: 1_500,
  tailCacheBytes: 400,
  unflushedBytesMax: 2_000,
  filesOpenMax: 3,
}
const SEEDS = 60
const STEPS = 60
const PARTITIONS = 2

type ModelRecord = {
  readonly offset: number
  readonly key: string
  readonly value: string
  readonly timestampMs: number
}
type ModelPartition = { records: ModelRecord[]; startOffset: number; endOffset: number }
type ModelTopic = { readonly name: string; readonly compacted: boolean; readonly partitions: ModelPartition[] }
type World = {
  readonly prng: Prng
  disk: MemoryDisk
  owner: LogOwner
  log: Log
  readonly topics: Map<string, ModelTopic>
  readonly groups: Map<string, Map<number, CommittedOffset>>
  counter: number
}

function pick<T>(prng: Prng, items: readonly T[]): T | undefined {
  return items[prng.below(items.length)]
}

async function createTopic({ log, prng, topics }: World): Promise<void> {
  const name = `topic-${prng.below(3)}`
  if (topics.has(name)) return
  const compacted = prng.below(2) === 0
  await log.admin.createTopics([
    {
      name,
      partitions: PARTITIONS,
      config: {
        segmentBytes: 400,
        retentionMs: -1,
        cleanupPolicy: compacted ? 'compact' : 'delete',
        deleteRetentionMs: 1e12,
      },
    },
  ])
  const partitions = Array.from({ length: PARTITIONS }, () => ({ records: [], startOffset: 0, endOffset: 0 }))
  topics.set(name, { name, compacted, partitions })
}

async function write(world: World, transactional: boolean): Promise<void> {
  const { log, prng, topics, groups } = world
  if (topics.size === 0) return
  const producer = await log.createProducer({
    clientId: 'p',
    bufferBytesMax: 1e6,
    ...(transactional ? { transactionalId: `tx-${prng.below(2)}` } : {}),
  })
  const names = [...topics.keys()]
  await producer.prepareTopics(names)
  const commits = prng.below(4) > 0
  for (let i = prng.below(12); i >= 0; i--) {
    const topic = topics.get(pick(prng, names) as string) as ModelTopic
    const partition = prng.below(PARTITIONS)
    const record = {
      key: `k${prng.below(5)}`,
      value: `${world.counter++}`.padStart(1 + prng.below(60)),
      timestampMs: prng.below(1_000),
    }
    producer.send(
      topic.name,
      partition,
      utf8Encode(record.key),
      utf8Encode(record.value),
      record.timestampMs,
      NO_HEADERS,
    )
    if (transactional && !commits) continue
    const model = topic.partitions[partition] as ModelPartition
    model.records.push({ offset: model.endOffset++, ...record })
  }
  const group = `group-${prng.below(2)}`
  const offset = {
    topic: pick(prng, names) as string,
    partition: 0,
    offset: prng.below(100),
    metadata: `m${world.counter}`,
  }
  if (!transactional) await producer.flush()
  else if (commits) await producer.commitTransaction(group, [offset])
  else await producer.abortTransaction()
  if (transactional && commits) remember(groups, group, offset)
  await producer.close()
}

function remember(groups: World['groups'], group: string, offset: CommittedOffset): void {
  const offsets = groups.get(group) ?? new Map<number, CommittedOffset>()
  // One topic per number is enough to tell them apart here: topic-0 to topic-2, always partition 0.
  offsets.set(Number(offset.topic.slice(6)), offset)
  groups.set(group, offsets)
}

async function administrate(world: World): Promise<void> {
  const { log, prng, topics, groups } = world
  const topic = pick(prng, [...topics.values()])
  const group = pick(prng, [...groups.keys()])
  const choice = prng.below(5)
  if (choice === 0 && topic !== undefined) {
    await log.admin.deleteTopics([topic.name])
    topics.delete(topic.name)
    for (const offsets of groups.values()) offsets.delete(Number(topic.name.slice(6)))
  } else if (choice <= 2 && topic !== undefined) {
    const index = prng.below(PARTITIONS)
    const model = topic.partitions[index] as ModelPartition
    const offset = prng.below(model.endOffset + 1)
    await log.admin.deleteRecords([{ topic: topic.name, partition: index, offset }])
    model.startOffset = Math.max(model.startOffset, offset)
  } else if (choice === 3 && group !== undefined) {
    await log.admin.deleteGroup(group)
    groups.delete(group)
  } else if (group !== undefined && topic !== undefined) {
    const offset = { topic: topic.name, partition: 0, offset: 7, metadata: 'altered' }
    await log.admin.alterCommittedOffsets(group, [offset])
    remember(groups, group, offset)
  }
}

async function maintain({ owner, prng, topics }: World): Promise<void> {
  const compacted = [...topics.values()].filter((topic) => topic.compacted)
  const topic = pick(prng, compacted)
  if (prng.below(2) === 0 && topic !== undefined) await owner.compactNow(topic.name)
  else if (prng.below(2) === 0) await owner.retainNow()
  else await owner.checkpointNow()
}

/** All was acknowledged, so all of it is there, whatever way the process ended. */
async function restart(world: World): Promise<void> {
  const way = pick(world.prng, ['close', 'kill', 'power-cut', 'power-cut-reordered'] as const)
  const before = world.owner
  if (way === 'close') {
    await world.log.close()
    await before.close()
  } else if (way !== undefined) {
    world.disk = world.disk.crashClone(world.prng, way)
    // Its own disk goes on, which nobody looks at any more.
    void before.close().catch(() => undefined)
  }
  world.owner = await openOwner(world.disk, SETTINGS)
  world.log = world.owner.connect()
}

async function compare({ log, prng, topics, groups }: World): Promise<void> {
  expect(await log.admin.listTopics()).toEqual([...topics.keys()].sort())
  for (const topic of topics.values()) {
    for (const [index, model] of topic.partitions.entries()) await comparePartition(log, prng, topic, index, model)
  }
  for (const [group, offsets] of groups) {
    const committed = [...(await log.admin.committedOffsets(group))].sort((a, b) => (a.topic < b.topic ? -1 : 1))
    expect(committed).toEqual([...offsets].sort(([a], [b]) => a - b).map(([, offset]) => offset))
  }
}

async function comparePartition(
  log: Log,
  prng: Prng,
  topic: ModelTopic,
  index: number,
  model: ModelPartition,
): Promise<void> {
  const at = { topic: topic.name, partition: index }
  expect(await log.admin.endOffsets([at])).toEqual([{ ...at, offset: model.endOffset }])
  const [start] = await log.admin.startOffsets([at])
  expect(start?.offset).toBe(model.startOffset)
  const from = model.startOffset + prng.below(model.endOffset - model.startOffset + 1)
  const consumer = await log.createConsumer({
    clientId: 'c',
    isolation: 'read_committed',
    pollRecordsMax: 9,
    pollBytesMax: 1e4,
  })
  consumer.assign([{ ...at, offset: from }])
  const [records = []] = await readToEnd(log, consumer, [{ ...at, offset: from }])
  await consumer.close()
  const read = records.map(({ offset, key, value, timestampMs }) => ({
    offset,
    key: utf8Decode(key ?? new Uint8Array(0)),
    value: utf8Decode(value ?? new Uint8Array(0)),
    timestampMs,
  }))
  const expected = model.records.filter(({ offset }) => offset >= from)
  const known = new Map(expected.map((record) => [record.offset, record]))
  for (const record of read) expect(record).toEqual(known.get(record.offset))
  if (!topic.compacted) {
    expect(read).toEqual(expected)
    const timestampMs = prng.below(1_000)
    const found = model.records.find((each) => each.offset >= model.startOffset && each.timestampMs >= timestampMs)
    expect(await log.admin.offsetsForTimes([{ ...at, timestampMs }])).toEqual([
      { ...at, offset: found?.offset ?? model.endOffset },
    ])
  }
  const last = new Map(expected.map((record) => [record.key, record]))
  const lastRead = new Map(read.map((record) => [record.key, record]))
  expect(lastRead).toEqual(last)
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))('random history %i', async (seed) => {
  const disk = createMemoryDisk()
  const owner = await openOwner(disk, SETTINGS)
  const world: World = {
    prng: createPrng(seed),
    disk,
    owner,
    log: owner.connect(),
    topics: new Map(),
    groups: new Map(),
    counter: 0,
  }
  await createTopic(world)
  for (let step = 0; step < STEPS; step++) {
    const choice = world.prng.below(20)
    if (choice < 7) await write(world, false)
    else if (choice < 13) await write(world, true)
    else if (choice < 14) await createTopic(world)
    else if (choice < 16) await administrate(world)
    else if (choice < 18) await maintain(world)
    else await restart(world)
    if (choice >= 13) await compare(world)
  }
  await compare(world)
  await world.owner.close()
})
