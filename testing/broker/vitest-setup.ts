import type { TestProject } from 'vitest/node'
import { startBroker, whyNoBroker } from './index.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of the brokers that the tests use. */
    kafkaBrokers: readonly string[]
  }
}

/** One broker for all test files: that of KAFKA_BROKERS, or one that is started here and ended after the last test. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.KAFKA_BROKERS
  if (given !== undefined && given !== '') {
    project.provide('kafkaBrokers', given.split(','))
    return undefined
  }
  const reason = await whyNoBroker()
  if (reason !== undefined) {
    throw new Error(
      `KAFKA TESTS CANNOT RUN: KAFKA_BROKERS is not set, and no broker can be started here: ${reason}. Nothing of Kafka was tested.`,
    )
  }
  const broker = await startBroker()
  project.provide('kafkaBrokers', [broker.brokers])
  return () => broker.stop()
}
