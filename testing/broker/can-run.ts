import { whyNoBroker } from './index.ts'

/** Exit code 0 if there is a broker to test with, or one can be started; otherwise 1, and it is said loudly. */
const given = process.env.KAFKA_BROKERS
const reason = given === undefined || given === '' ? await whyNoBroker() : undefined
if (reason !== undefined) {
  process.stderr.write(
    `\n*** THE KAFKA TESTS WERE SKIPPED: KAFKA_BROKERS is not set, and ${reason}. Nothing of Kafka was tested. ***\n\n`,
  )
  process.exitCode = 1
}
