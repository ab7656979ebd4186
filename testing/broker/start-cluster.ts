import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, prepareNode } from './broker-process.ts'
import { brokerSettings, type NodePlace } from './broker-settings.ts'

export type ClusterOptions = {
  readonly nodes?: number
  /** Added to, or instead of, the settings of tests. */
  readonly properties?: Readonly<Record<string, string>>
}

/** Several brokers on this machine, each broker and controller; everything has three replicas where there are three. */
export type Cluster = {
  /** host:port of each */
  readonly brokers: readonly string[]
  /** Ends all of them, and removes their directories. */
  stop(): Promise<void>
  /** kill -9 of one; its data stays. */
  kill(node: number): Promise<void>
  /** SIGTERM of one: it hands its leaders over before it ends. */
  shutDown(node: number): Promise<void>
  /** Starts one again on its data, on the same port. */
  restart(node: number): Promise<void>
}

const NODES = 3
const HEAP_MIB = 256

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'mto-kafka-cluster-'))
  const places: NodePlace[] = []
  for (let id = 1; id <= (options.nodes ?? NODES); id++)
    places.push({ id, port: await freePort(), controllerPort: await freePort() })
  const nodes = await Promise.all(
    places.map(async (place) => {
      const own = join(directory, `node-${place.id}`)
      await mkdir(own)
      const properties = {
        ...brokerSettings(place, places, join(own, 'data')),
        ...options.properties,
      }
      return prepareNode({ directory: own, properties, heapMiB: HEAP_MIB })
    }),
  )
  const nodeAt = (index: number) => {
    const node = nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}; there are ${nodes.length}`)
    return node
  }
  const stop = async (): Promise<void> => {
    // Without a majority of controllers the rest cannot end in order, and need not.
    await Promise.all(nodes.map((node) => node.end('SIGKILL')))
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await Promise.all(nodes.map((node) => node.launch()))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    brokers: places.map(({ port }) => `127.0.0.1:${port}`),
    stop,
    kill: (index) => nodeAt(index).end('SIGKILL'),
    shutDown: (index) => nodeAt(index).end('SIGTERM'),
    restart: (index) => nodeAt(index).launch(),
  }
}
