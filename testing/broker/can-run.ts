import { whyNoBrokerAtAll } from './index.ts'

/**
 * Exit code 0 if there is a broker to test with, or one can be started. Otherwise it is said loudly, and the exit code
 * is 1; where continuous integration runs it (CI), that is a failure.
 */
const reason = await whyNoBrokerAtAll()
if (reason !== undefined) {
  const isRequired = (process.env.CI ?? '') !== ''
  const line = '*'.repeat(100)
  const what = isRequired ? 'FAILED: the Kafka tests are required here' : 'SKIPPED: the Kafka tests'
  process.stderr.write(
    `\n${line}\n${what}, and there is no broker: ${reason}.\nNothing of Kafka was tested.\n${line}\n\n`,
  )
  process.exitCode = 1
}
