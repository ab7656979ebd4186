import { parseArgs } from 'node:util'
import { startBroker, whyNoBroker } from './index.ts'

/** `make kafka`: a broker in the foreground, on localhost:9092 unless told, until Ctrl-C. */
const { values } = parseArgs({ options: { port: { type: 'string', default: '9092' }, data: { type: 'string' } } })
const reason = await whyNoBroker()
if (reason === undefined) {
  const broker = await startBroker({
    port: Number(values.port),
    ...(values.data === undefined ? {} : { directory: values.data }),
  })
  process.stdout.write(`Kafka is ready on ${broker.brokers}; Ctrl-C ends it\n`)
  const keepAlive = setInterval(() => {}, 60_000)
  const stop = async (): Promise<void> => {
    clearInterval(keepAlive)
    await broker.stop()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
} else {
  process.stderr.write(`No broker can be started: ${reason}\n`)
  process.exitCode = 1
}
