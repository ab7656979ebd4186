import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { utf8Encode } from '#streams/base'
import { NO_HEADERS, SILENT_LOGGER } from '#streams/ports'
import { startKafkaApplication } from './index.ts'

/** A thread on Kafka that fails ends for good: connections that it had open must not keep it, and all behind it, alive. */
const END_MS_MAX = 20_000
const MODULE = new URL('./testing/failing-application.ts', import.meta.url)

const brokers = inject('kafkaBrokers')
let directory: string
let log: KafkaLog

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mto-failing-'))
  log = await createKafkaLog({ brokers, clientId: 'failing-test' })
})
afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

async function write(...values: readonly string[]): Promise<void> {
  const producer = await log.createProducer({ clientId: 'values', bufferBytesMax: 100_000 })
  await producer.prepareTopics(['failing-in'])
  for (const value of values) producer.send('failing-in', 0, utf8Encode('k'), utf8Encode(value), 1, NO_HEADERS)
  await producer.flush()
  await producer.close()
}

function within<T>(what: Promise<T>): Promise<T | 'late'> {
  return Promise.race([what, new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), END_MS_MAX))])
}

describe('a stream thread on Kafka that fails', { timeout: 90_000 }, () => {
  test.each([1, 2])('ends the application of %i thread(s) with its error', async (threads) => {
    const application = await startKafkaApplication({
      module: MODULE,
      applicationId: `failing-${threads}-${Date.now().toString(36)}`,
      dataDirectory: join(directory, String(threads)),
      threads,
      kafka: { brokers },
      logger: SILENT_LOGGER,
    })
    await application.ready
    await write('fine', 'poison')
    const ended = await within(
      application.finished.then(
        () => 'stopped',
        (error: unknown) => error,
      ),
    )
    expect(ended).toMatchObject({ code: 'PROCESSING_FAILED', message: expect.stringContaining('this value is poison') })
    expect(application.state).toBe('failed')
  })
})
