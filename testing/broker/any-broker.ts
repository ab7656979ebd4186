import { whyNoBroker } from './broker-jars.ts'
import { freePort } from './broker-process.ts'
import { startDockerBroker, whyNoDocker } from './docker-broker.ts'
import { startBroker } from './start-broker.ts'

export type AnyBroker = { readonly brokers: readonly string[]; stop(): Promise<void> }

/** Why there is no broker to be had in any way, in words; undefined if there is. */
export async function whyNoBrokerAtAll(): Promise<string | undefined> {
  if (given() !== undefined) return undefined
  const noJava = await whyNoBroker()
  if (noJava === undefined) return undefined
  const noDocker = await whyNoDocker()
  return noDocker === undefined ? undefined : `KAFKA_BROKERS is not set, ${noJava}, and ${noDocker}`
}

/**
 * The broker that KAFKA_BROKERS names; else one that is started: with Java, which is what the tests that kill brokers
 * need too, or with Docker.
 */
export async function anyBroker(port?: number): Promise<AnyBroker> {
  const brokers = given()
  if (brokers !== undefined) return { brokers, stop: async () => {} }
  if ((await whyNoBroker()) === undefined) {
    const started = await startBroker(port === undefined ? {} : { port })
    return { brokers: [started.brokers], stop: started.stop }
  }
  const started = await startDockerBroker(port ?? (await freePort()))
  return { brokers: [started.brokers], stop: started.stop }
}

function given(): readonly string[] | undefined {
  const text = process.env.KAFKA_BROKERS
  return text === undefined || text === '' ? undefined : text.split(',')
}
