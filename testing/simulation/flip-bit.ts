import { createLogOwner, type MemoryDisk } from '#connectors/embedded-log'
import { hasCode, hexOf, messageOf, type Prng } from '#streams/base'
import { type Clock, type Log, SILENT_LOGGER } from '#streams/ports'

/** The log is read by nobody else, so that there is nothing to wait for. */
const CLOCK: Clock = { wallClockMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() }
const SETTINGS = { fsyncIntervalMs: 0, maintenanceIntervalMs: 0 }
const POLL_MS = 10
/** A run has less than so many records in a partition. */
const POLLS_MAX = 10_000

/**
 * Flips one bit somewhere on copies of the disk as it is now. Whoever opens that must be told, or find what is there
 * without it, or be without some last records of the journal: that cannot be told from a write which a crash tore.
 * Returns what is wrong.
 */
export async function flipBit(disk: MemoryDisk, prng: Prng): Promise<string | undefined> {
  const sound = disk.crashClone(prng, 'kill')
  const flipped = disk.crashClone(prng, 'kill')
  const paths = flipped.paths().filter((path) => flipped.bytesOf(path).length > 0)
  const path = paths[prng.below(paths.length)]
  if (path === undefined) return undefined
  const bytes = flipped.bytesOf(path)
  const at = prng.below(bytes.length)
  bytes[at] = (bytes[at] as number) ^ (1 << prng.below(8))
  const place = `a bit was flipped in ${path} at ${at} of ${bytes.length}`
  const expected = await readAll(sound)
  let actual: ReadonlyMap<string, readonly string[]>
  try {
    actual = await readAll(flipped)
  } catch (error) {
    return hasCode(error, 'LOG_CORRUPTED') ? undefined : `${place}: ${messageOf(error)}`
  }
  for (const [name, records] of expected) {
    const found = actual.get(name) ?? []
    const wrong = found.findIndex((record, i) => record !== records[i])
    if (wrong >= 0) return `${place}: nobody was told, and record ${wrong} of ${name} is another one`
    if (found.length < records.length && !path.includes('journal'))
      return `${place}: nobody was told, and ${records.length - found.length} records of ${name} are gone`
  }
  return undefined
}

async function readAll(disk: MemoryDisk): Promise<ReadonlyMap<string, readonly string[]>> {
  const yieldToEvents = (): Promise<void> => Promise.resolve()
  const owner = await createLogOwner({ disk, clock: CLOCK, logger: SILENT_LOGGER, settings: SETTINGS, yieldToEvents })
  const log = owner.connect()
  const contents = new Map<string, readonly string[]>()
  const topics = await log.admin.describeTopics(await log.admin.listTopics())
  for (const { name, partitions } of topics.values()) {
    for (let partition = 0; partition < partitions; partition++)
      contents.set(`${name}/${partition}`, await readPartition(log, name, partition))
  }
  return contents
}

async function readPartition(log: Log, topic: string, partition: number): Promise<readonly string[]> {
  const place = { topic, partition }
  const [start] = await log.admin.startOffsets([place])
  const [end] = await log.admin.endOffsets([place])
  const consumer = await log.createConsumer({
    clientId: 'reader',
    isolation: 'read_committed',
    pollRecordsMax: 1_000,
    pollBytesMax: 1024 * 1024,
  })
  consumer.assign([{ ...place, offset: start?.offset ?? 0 }])
  const records: string[] = []
  const show = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : hexOf(bytes, bytes.length))
  for (let polls = 0; consumer.position(place) < (end?.offset ?? 0); polls++) {
    if (polls > POLLS_MAX) throw new Error(`${topic}-${partition} is not read to its end in ${POLLS_MAX} polls`)
    for (const batch of await consumer.poll(POLL_MS))
      for (const { offset, key, value, timestampMs } of batch.records)
        records.push(`${offset} ${show(key)} ${show(value)} ${timestampMs}`)
  }
  await consumer.close()
  return records
}
