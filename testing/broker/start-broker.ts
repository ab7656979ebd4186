import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, prepareNode } from './broker-process.ts'
import { brokerSettings } from './broker-settings.ts'
import { AUTHORIZER, secureListener, type User } from './secure-listener.ts'

export type BrokerOptions = {
  /** Port of clients; by default one that is free. The controller takes another free one. */
  readonly port?: number
  /** Where its data is kept; by default a temporary directory that goes with the broker. */
  readonly directory?: string
  /** Added to, or instead of, the settings of tests. */
  readonly properties?: Readonly<Record<string, string>>
  /** Levels of features other than the defaults. */
  readonly features?: Readonly<Record<string, number>>
  /** A second listener, for these users with TLS and SASL (PLAIN or SCRAM-SHA-512) only. */
  readonly secure?: readonly User[]
  /** Users of the second listener may do only what ACLs allow them. */
  readonly authorizes?: boolean
}

/** A real Apache Kafka broker (KRaft, one node, Maven Central's jars) as a child process. */
export type Broker = {
  /** host:port */
  readonly brokers: string
  readonly secure?: { readonly brokers: string; readonly authority: string }
  /** Ends it as SIGTERM does, and removes its temporary directory. */
  stop(): Promise<void>
  /** kill -9, data stays. */
  kill(): Promise<void>
  /** Starts it again on its data, on the same port. */
  restart(): Promise<void>
}

const HEAP_MIB = 512

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'mto-kafka-')))
  const port = options.port ?? (await freePort())
  const place = { id: 1, port, controllerPort: await freePort() }
  const properties = brokerSettings(place, [place], join(directory, 'data'))
  const secure = options.secure === undefined ? undefined : await secureListener(directory, options.secure)
  if (secure !== undefined) {
    Object.assign(properties, secure.properties)
    properties.listeners = `${properties.listeners},SECURE://127.0.0.1:${secure.port}`
    properties['advertised.listeners'] = `${properties['advertised.listeners']},SECURE://127.0.0.1:${secure.port}`
  }
  if (options.authorizes === true) Object.assign(properties, AUTHORIZER)
  Object.assign(properties, options.properties)
  const node = await prepareNode({
    directory,
    properties,
    heapMiB: HEAP_MIB,
    users: options.secure ?? [],
    features: options.features ?? {},
  })
  await node.launch()
  return {
    brokers: `127.0.0.1:${port}`,
    ...(secure === undefined ? {} : { secure: { brokers: `127.0.0.1:${secure.port}`, authority: secure.authority } }),
    stop: async () => {
      await node.end('SIGTERM')
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
    kill: () => node.end('SIGKILL'),
    restart: () => node.launch(),
  }
}
