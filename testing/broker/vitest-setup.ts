import type { TestProject } from 'vitest/node'
import { anyBroker, whyNoBrokerAtAll } from './index.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of the brokers that the tests use. */
    kafkaBrokers: readonly string[]
  }
}

/** One broker for all test files: that of KAFKA_BROKERS, or one that is started here and ended after the last test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const reason = await whyNoBrokerAtAll()
  if (reason !== undefined)
    throw new Error(`KAFKA TESTS CANNOT RUN: there is no broker: ${reason}. Nothing of Kafka was tested.`)
  const broker = await anyBroker()
  project.provide('kafkaBrokers', broker.brokers)
  return () => broker.stop()
}
