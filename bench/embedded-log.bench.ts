/**
 * Appends and reads of the embedded log: 250-byte records (20-byte key, 230-byte value), 12 partitions, on the disk of
 * the temporary directory, with every acknowledged byte synced. Run: `node bench/embedded-log.bench.ts`.
 *
 * append: `send` for each record, a turn of the event loop every 1,000 (as between two polls), and a `flush` whenever
 * 8 MiB are not acknowledged; the clock stops when the last record is.
 * read: a consumer that decodes every record into an object, `cached` right after the append and `cold` after a restart
 * (pages may be in the operating system's cache, never in the log's). transactions: 1,000 records each, committed one
 * after another. Direct: client and owner in one thread. Worker: the client in a thread of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'
import { createLogClient, type EmbeddedLog, openEmbeddedLog } from '#connectors/embedded-log'
import { utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS, SILENT_LOGGER } from '#streams/ports'

const RECORDS = 960_000
const PARTITIONS = 12
const ROUNDS = 3
const TURN_EVERY = 1_000
const BUFFER_BYTES = 8 * 1024 * 1024
const TOPIC = 'bench'

type Figures = { readonly name: string; readonly perSecond: number; readonly cpuMicros: number }

async function measure(name: string, records: number, action: () => Promise<void>): Promise<Figures> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await action()
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  return { name, perSecond: records / seconds, cpuMicros: (used.user + used.system) / records }
}

async function append(log: Log): Promise<void> {
  const producer = await log.createProducer({ clientId: 'bench', bufferBytesMax: 32 * 1024 * 1024 })
  await producer.prepareTopics([TOPIC])
  const key = utf8Encode('member-0000000000000')
  const value = new Uint8Array(230).fill(65)
  for (let i = 0; i < RECORDS; i++) {
    key[19] = 48 + (i % 10)
    producer.send(TOPIC, i % PARTITIONS, key, value, 1_700_000_000_000 + i, NO_HEADERS)
    if (i % TURN_EVERY !== 0) continue
    if (producer.bytesBuffered >= BUFFER_BYTES) await producer.flush()
    else await setImmediate()
  }
  await producer.flush()
  await producer.close()
}

async function transactions(log: Log, count: number): Promise<void> {
  const producer = await log.createProducer({
    clientId: 'bench',
    transactionalId: 'bench',
    bufferBytesMax: 32 * 1024 * 1024,
  })
  await producer.prepareTopics([TOPIC])
  const key = utf8Encode('member-0000000000000')
  const value = new Uint8Array(230).fill(65)
  const offsets = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: TOPIC,
    partition,
    offset: 1,
    metadata: '',
  }))
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < 1_000; j++) producer.send(TOPIC, j % PARTITIONS, key, value, 1_700_000_000_000 + i, NO_HEADERS)
    await producer.commitTransaction('bench', offsets)
  }
  await producer.close()
}

async function read(log: Log, offset: number): Promise<void> {
  const consumer = await log.createConsumer({
    clientId: 'bench',
    isolation: 'read_committed',
    pollRecordsMax: 1_000,
    pollBytesMax: 16 * 1024 * 1024,
  })
  consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition, offset })))
  let count = 0
  let check = 0
  while (count < RECORDS) {
    for (const { records } of await consumer.poll(1_000)) {
      count += records.length
      for (const { value } of records) check += value?.length ?? 0
    }
  }
  if (check !== count * 230) throw new Error(`read ${check} bytes of values`)
  await consumer.close()
}

async function runRounds(log: Log, phase: 'first' | 'cold'): Promise<Figures[]> {
  const figures: Figures[] = []
  if (phase === 'cold') {
    for (let round = 0; round < ROUNDS; round++) figures.push(await measure('read cold', RECORDS, () => read(log, 0)))
    figures.push(await measure('transactions of 1000', 200_000, () => transactions(log, 200)))
    return figures
  }
  for (let round = 0; round < ROUNDS; round++) {
    figures.push(await measure('append', RECORDS, () => append(log)))
    const [end] = await log.admin.endOffsets([{ topic: TOPIC, partition: 0 }])
    const offset = (end?.offset ?? 0) - RECORDS / PARTITIONS
    figures.push(await measure('read cached', RECORDS, () => read(log, offset)))
  }
  return figures
}

function inWorker(owner: EmbeddedLog, phase: string): Promise<Figures[]> {
  return new Promise((resolve, reject) => {
    const port = owner.port()
    const worker = new Worker(new URL(import.meta.url), { workerData: { port, phase }, transferList: [port] })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function print(client: string, figures: readonly Figures[]): void {
  for (const name of new Set(figures.map((each) => each.name))) {
    const all = figures.filter((each) => each.name === name).sort((left, right) => left.perSecond - right.perSecond)
    const rates = all.map(({ perSecond }) => `${Math.round(perSecond / 1000)}k`).join(' / ')
    const cpu = all.map(({ cpuMicros }) => cpuMicros.toFixed(2)).join(' / ')
    console.log(
      `${client.padEnd(7)} ${name.padEnd(22)} ${rates.padEnd(24)} records/s, min to max   CPU µs a record, all threads: ${cpu}`,
    )
  }
}

async function main(): Promise<void> {
  for (const client of ['direct', 'worker'] as const) {
    const directory = await mkdtemp(path.join(tmpdir(), 'mto-bench-'))
    try {
      for (const phase of ['first', 'cold'] as const) {
        const tailCacheBytes = 512 * 1024 * 1024
        const owner = await openEmbeddedLog({ directory, logger: SILENT_LOGGER, tailCacheBytes, verify: 'sizes' })
        const log = owner.connect()
        await log.admin.createTopics([{ name: TOPIC, partitions: PARTITIONS, config: { retentionMs: -1 } }])
        print(client, client === 'direct' ? await runRounds(log, phase) : await inWorker(owner, phase))
        await owner.close()
      }
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }
}

if (isMainThread) {
  await main()
} else {
  const { port, phase } = workerData as { port: MessagePort; phase: 'first' | 'cold' }
  const log = createLogClient(port)
  parentPort?.postMessage(await runRounds(log, phase))
  await log.close()
}
