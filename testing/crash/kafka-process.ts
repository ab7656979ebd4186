import { startKafkaApplication } from '#host'
import type { ProcessingGuarantee } from '#streams/runtime'

/**
 * One process of the crash test's application on Kafka. It runs until it is told to stop, or killed.
 *
 *   node kafka-process.ts BROKERS APPLICATION_ID DATA_DIRECTORY GUARANTEE STANDBYS
 */
const [brokers, applicationId, dataDirectory, guarantee, standbys] = process.argv.slice(2) as [
  string,
  string,
  string,
  ProcessingGuarantee,
  string,
]

const application = await startKafkaApplication({
  module: new URL('./application.ts', import.meta.url),
  applicationId,
  dataDirectory,
  kafka: { brokers: brokers.split(',') },
  group: { sessionTimeoutMs: 2_000, heartbeatIntervalMs: 200, standbyReplicas: Number(standbys) },
  options: { processingGuarantee: guarantee },
  logLevel: 'info',
  onRestored: (summary) => process.stdout.write(`restored ${Date.now()} ${JSON.stringify(summary)}\n`),
})
application.finished.catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
// Whoever has started it is gone, in whatever way: nobody would end it.
process.stdin.once('end', () => process.exit(1)).resume()
if ('unref' in process.stdin) process.stdin.unref()
process.once('SIGTERM', () => {
  application.stop().catch(() => process.exit(1))
})
process.stdout.write('started\n')
application.ready.then(
  () => process.stdout.write('ready\n'),
  () => {},
)
