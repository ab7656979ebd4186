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

/** Of the changelog of a store: what is in the store. */
export type State = { readonly store: string; readonly keys: number; readonly digest: string }

const POLL_MS = 1_000

/** Reads committed records between two positions of each partition. */
export async function readOutputs(
  log: KafkaLog,
  from: readonly PartitionOffset[],
  to: readonly PartitionOffset[],
): Promise<Outputs> {
  const all: string[] = []
  const last = new Map<string, string>()
  await readBetween(log, from, to, (key, value) => {
    all.push(`${key}=${value}`)
    last.set(key, value)
  })
  return outputsOf(all, last)
}

export async function readState(log: KafkaLog, store: string, ends: readonly PartitionOffset[]): Promise<State> {
  const last = new Map<string, string>()
  const starts = await log.admin.startOffsets(ends)
  await readBetween(log, starts, ends, (key, value) => last.set(key, value))
  return { store, keys: last.size, digest: digestOf([...last].map(([key, value]) => `${key}=${value}`)) }
}

async function readBetween(
  log: KafkaLog,
  from: readonly PartitionOffset[],
  to: readonly PartitionOffset[],
  take: (key: string, value: string) => void,
): Promise<void> {
  const consumer = await log.createConsumer({
    clientId: `${PREFIX}outputs`,
    isolation: 'read_committed',
    pollRecordsMax: 10_000,
    pollBytesMax: 16_000_000,
  })
  try {
    consumer.assign(from)
    while (to.some((end) => consumer.position(end) < end.offset))
      for (const { records } of await consumer.poll(POLL_MS))
        for (const { key, value } of records) take(hexOf(key), hexOf(value))
  } finally {
    await consumer.close()
  }
}

export function outputsOf(all: string[], last: ReadonlyMap<string, string>): Outputs {
  return {
    records: all.length,
    allDigest: digestOf(all),
    keys: last.size,
    lastDigest: digestOf([...last].map(([key, value]) => `${key}=${value}`)),
  }
}

export type Work = { readonly outputs: Outputs; readonly states: readonly State[] }

/** Why two runs of one configuration did not do the same work; undefined if they did. */
export function differenceOf(one: Work, other: Work, isCached: boolean): string | undefined {
  for (const [index, state] of one.states.entries()) {
    const found = other.states[index]
    if (found?.keys !== state.keys) return `${state.keys} keys in store ${state.store}, and ${found?.keys}`
    if (found.digest !== state.digest) return `different values of ${state.keys} keys in store ${state.store}`
  }
  return outputDifferenceOf(one.outputs, other.outputs, isCached)
}

function outputDifferenceOf(one: Outputs, other: Outputs, isCached: boolean): string | undefined {
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
