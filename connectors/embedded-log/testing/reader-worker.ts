import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { utf8Decode, utf8Encode } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'
import { createLogClient } from '../index.ts'

/** A worker thread that reads topic `in`, and writes each value to `out` and the position with it. */
const log = createLogClient((workerData as { port: MessagePort }).port)
const producer = await log.createProducer({ clientId: 'w', transactionalId: 'w', bufferBytesMax: 1e6 })
await producer.prepareTopics(['out'])
const consumer = await log.createConsumer({
  clientId: 'w',
  isolation: 'read_committed',
  pollRecordsMax: 7,
  pollBytesMax: 1e6,
})
consumer.assign([{ topic: 'in', partition: 0, offset: 0 }])
let ended = false
while (!ended) {
  for (const { records, nextOffset } of await consumer.poll(1_000)) {
    for (const { value, timestampMs } of records) {
      const text = utf8Decode(value ?? new Uint8Array(0))
      if (text === 'end') ended = true
      producer.send('out', 0, null, utf8Encode(text.toUpperCase()), timestampMs, NO_HEADERS)
    }
    await producer.commitTransaction('g', [
      { topic: 'in', partition: 0, offset: nextOffset, metadata: 'from a worker' },
    ])
  }
}
await log.close()
parentPort?.postMessage('done')
