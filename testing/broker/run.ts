import { parseArgs } from 'node:util'
import { startBroker, startDockerBroker, whyNoBroker, whyNoDocker } from './index.ts'

/** `make kafka`: a broker on localhost:9092 unless told, until Ctrl-C; from jars with Java, or in a container. */
const { values } = parseArgs({ options: { port: { type: 'string', default: '9092' }, data: { type: 'string' } } })
const noJava = await whyNoBroker()
const noDocker = noJava === undefined ? undefined : await whyNoDocker()
if (noJava === undefined || noDocker === undefined) {
  const broker =
    noJava === undefined
      ? await startBroker({
          port: Number(values.port),
          ...(values.data === undefined ? {} : { directory: values.data }),
        })
      : await startDockerBroker(Number(values.port))
  process.stdout.write(`Kafka is ready on ${broker.brokers}; Ctrl-C ends it\n`)
  const keepAlive = setInterval(() => {}, 60_000)
  const stop = async (): Promise<void> => {
    clearInterval(keepAlive)
    await broker.stop()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
} else {
  process.stderr.write(`No broker can be started: ${noJava}, and ${noDocker}\n`)
  process.exitCode = 1
}
