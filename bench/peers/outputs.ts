import { createHash } from 'node:crypto'
import type { KafkaLog } from '#connectors/kafka'
import type { PartitionOffset } from '#streams/ports'
import { PREFIX } from './topics.ts'

/** What a run wrote, so that two runs can be compared. */
export type Outputs = {
  readonly records: number
  /** Of all records (key and value), in any order. */
  readonly allDigest: string
  /** Of the last value of each key: with a record cache, which updates in between go out depends on its flushes. */
  readonly keys: number
  readonly lastDigest: string
}

const POLL_MS = 1_000

/** Reads committed records between two positions of each partition. */
export async function readOutputs(
  log: KafkaLog,
  from: readonly PartitionOffset[],
  to: readonly PartitionOffset[],
): Promise<Outputs> {
  const consumer = await log.createConsumer({
    clientId: `${PREFIX}outputs`,
    isolation: 'read_committed',
    pollRecordsMax: 10_000,
    pollBytesMax: 16_000_000,
  })
  try {
    consumer.assign(from)
    const all: string[] = []
    const last = new Map<string, string>()
    while (to.some((end) => consumer.position(end) < end.offset)) {
      for (const { records } of await consumer.poll(POLL_MS)) {
        for (const { key, value } of records) {
          const [name, text] = [hexOf(key), hexOf(value)]
          all.push(`${name}=${text}`)
          last.set(name, text)
        }
      }
    }
    return outputsOf(all, last)
  } finally {
    await consumer.close()
  }
}

function outputsOf(all: string[], last: ReadonlyMap<string, string>): Outputs {
  return {
    records: all.length,
    allDigest: digestOf(all),
    keys: last.size,
    lastDigest: digestOf([...last].map(([key, value]) => `${key}=${value}`)),
  }
}

/** Why two runs of one configuration did not do the same work; undefined if they did. */
export function differenceOf(one: Outputs, other: Outputs, isCached: boolean): string | undefined {
  if (one.keys !== other.keys) return `outputs for ${one.keys} windows of members, and for ${other.keys}`
  if (one.lastDigest !== other.lastDigest) return `different last values of ${one.keys} windows of members`
  if (isCached) return undefined
  if (one.records !== other.records) return `${one.records} output records, and ${other.records}`
  return one.allDigest === other.allDigest ? undefined : `different values in ${one.records} output records`
}

function digestOf(lines: string[]): string {
  const hash = createHash('sha256')
  for (const line of lines.sort()) hash.update(line).update('\n')
  return hash.digest('hex')
}

function hexOf(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
