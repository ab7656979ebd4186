import { NO_HEADERS, serdes } from 'mto'
import { startEmbeddedApplication } from 'mto/host'

const { int64, string } = serdes
const [dataDirectory = './data'] = process.argv.slice(2)

const application = await startEmbeddedApplication({
  module: new URL('./word-count.ts', import.meta.url),
  applicationId: 'word-count',
  dataDirectory,
  logLevel: 'warn',
})
// If it fails later, nothing below would ever hear of it.
application.finished.catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
await application.ready

const producer = await application.log.createProducer({ clientId: 'lines', bufferBytesMax: 1_000_000 })
await producer.prepareTopics(['lines'])
for (const line of ['to be or not to be', 'to err is human']) {
  producer.send('lines', 0, null, string.serialize(line, 'lines'), Date.now(), NO_HEADERS)
}
await producer.flush()

const consumer = await application.log.createConsumer({
  clientId: 'counts',
  isolation: 'read_committed',
  pollRecordsMax: 100,
  pollBytesMax: 1_000_000,
})
consumer.assign([0, 1, 2].map((partition) => ({ topic: 'counts', partition, offset: 0 })))
const counts = new Map<string, number>()
while (counts.get('to') !== 3 || !counts.has('human')) {
  for (const { records } of await consumer.poll(1000)) {
    for (const { key, value } of records) {
      if (key !== null && value !== null)
        counts.set(string.deserialize(key, 'counts'), int64.deserialize(value, 'counts'))
    }
  }
}
console.log(
  [...counts]
    .sort()
    .map(([word, count]) => `${word} ${count}`)
    .join(', '),
)

const answer = await application.query({ store: 'word-counts', kind: 'key', key: 'be' })
console.log('the store says', answer.entries)
await consumer.close()
await application.stop()
