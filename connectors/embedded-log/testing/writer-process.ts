import { utf8Encode } from '#streams/base'
import { NO_HEADERS, SILENT_LOGGER } from '#streams/ports'
import { openEmbeddedLog } from '../index.ts'

/**
 * A process for tests that kill it: owns the directory that its argument names, and prints each transaction's number
 * once it is acknowledged. `wait` as second argument: only owns the directory.
 */
const [directory = '', mode] = process.argv.slice(2)
const owner = await openEmbeddedLog({
  directory,
  logger: SILENT_LOGGER,
  checkpointBytes: 200_000,
  flushBytes: 20_000,
  fsyncIntervalMs: 0,
})
process.stdout.write('open\n')
if (mode === 'wait') {
  setInterval(() => {}, 1_000)
} else {
  const log = owner.connect()
  await log.admin.createTopics([{ name: 't', partitions: 3, config: { segmentBytes: 50_000, retentionMs: -1 } }])
  const [committed] = await log.admin.committedOffsets('g')
  const producer = await log.createProducer({ clientId: 'p', transactionalId: 'p', bufferBytesMax: 1e6 })
  await producer.prepareTopics(['t'])
  for (let i = (committed?.offset ?? 0) + 1; ; i++) {
    for (let j = 0; j < 30; j++) producer.send('t', j % 3, null, utf8Encode(`${i}`), i, NO_HEADERS)
    await producer.commitTransaction('g', [{ topic: 't', partition: 0, offset: i, metadata: '' }])
    process.stdout.write(`${i}\n`)
  }
}
