import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brokerJars } from './broker-jars.ts'

const run = promisify(execFile)

export type BrokerOptions = {
  /** Port of clients; by default one that is free. The controller takes another free one. */
  readonly port?: number
  /** Where its data is kept; by default a temporary directory that goes with the broker. */
  readonly directory?: string
  /** Added to, or instead of, the settings below. */
  readonly properties?: Readonly<Record<string, string>>
  /** A second listener, for clients with TLS and SASL/SCRAM only. */
  readonly secure?: { readonly user: string; readonly password: string }
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

const CLUSTER_ID = 'bXRvLXRlc3QtY2x1c3RlcQ'
const HEAP = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=4']
const READY_MS_MAX = 60_000
const POLL_MS = 50
const STOP_MS_MAX = 15_000

/** One node, small internal topics, no waiting for members that may still come. */
const SETTINGS: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
  'inter.broker.listener.name': 'PLAINTEXT',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '0',
  'group.streams.initial.rebalance.delay.ms': '0',
  'group.streams.heartbeat.interval.ms': '500',
  'group.streams.min.heartbeat.interval.ms': '100',
  'group.streams.session.timeout.ms': '6000',
  'group.streams.min.session.timeout.ms': '1000',
  'log.cleaner.dedupe.buffer.size': '8388608',
  'auto.create.topics.enable': 'false',
  // Event times of tests are what they are, also years from now; by default brokers refuse more than an hour.
  'log.message.timestamp.after.max.ms': '9223372036854775807',
  // Events of tests are years old: nothing of them is to go by age while a test runs.
  'log.retention.ms': '-1',
}

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'mto-kafka-')))
  const port = options.port ?? (await freePort())
  const controllerPort = await freePort()
  const secure = options.secure === undefined ? undefined : await secureListener(directory)
  const properties: Record<string, string> = {
    ...SETTINGS,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'log.dirs': join(directory, 'data'),
    ...options.properties,
  }
  if (secure !== undefined) {
    const { port: securePort, properties: added } = secure
    Object.assign(properties, added)
    properties.listeners = `${properties.listeners},SECURE://127.0.0.1:${securePort}`
    properties['advertised.listeners'] = `${properties['advertised.listeners']},SECURE://127.0.0.1:${securePort}`
  }
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`)
  await writeFile(join(directory, 'server.properties'), `${lines.join('\n')}\n`)
  await writeFile(join(directory, 'log4j2.xml'), LOGGING)
  const classPath = `${join(await brokerJars(), '*')}`
  const files = { directory, settings: join(directory, 'server.properties'), classPath }
  await format(files, options.secure)
  let process = await launch(files)
  return {
    brokers: `127.0.0.1:${port}`,
    ...(secure === undefined ? {} : { secure: { brokers: `127.0.0.1:${secure.port}`, authority: secure.authority } }),
    stop: async () => {
      await process.end('SIGTERM')
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
    kill: () => process.end('SIGKILL'),
    restart: async () => {
      process = await launch(files)
    },
  }
}

type Files = { readonly directory: string; readonly settings: string; readonly classPath: string }

/** Without formatting all features are at level 0: no streams groups, old transactions. */
async function format({ settings, classPath }: Files, secure: BrokerOptions['secure']): Promise<void> {
  const tool = ['-XX:TieredStopAtLevel=1', '-cp', classPath, 'kafka.tools.StorageTool', 'format', '--ignore-formatted']
  const users = secure === undefined ? [] : ['-S', `SCRAM-SHA-512=[name=${secure.user},password=${secure.password}]`]
  await run('java', [...tool, '-t', CLUSTER_ID, '-c', settings, ...users])
}

const STORE_PASSWORD = 'for-tests-only'

/** A key for this machine, signed by itself, made by the JDK's keytool. */
async function secureListener(directory: string) {
  const store = join(directory, 'broker.p12')
  const common = ['-alias', 'broker', '-keystore', store, '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD]
  const subject = ['-dname', 'CN=localhost', '-ext', 'SAN=IP:127.0.0.1,DNS:localhost', '-validity', '30']
  await run('keytool', ['-genkeypair', '-keyalg', 'EC', ...common, ...subject])
  const { stdout } = await run('keytool', ['-exportcert', '-rfc', ...common])
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  return {
    port: await freePort(),
    authority: stdout,
    properties: {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.secure.scram-sha-512.sasl.jaas.config': scram,
      'listener.name.secure.ssl.keystore.location': store,
      'listener.name.secure.ssl.keystore.password': STORE_PASSWORD,
      'listener.name.secure.ssl.keystore.type': 'PKCS12',
    },
  }
}

type Launched = { end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> }

/**
 * The broker runs under a shell that waits for the end of its standard input: when this process dies in whatever way,
 * the pipe closes and the shell ends the broker.
 */
async function launch({ directory, settings, classPath }: Files): Promise<Launched> {
  const output = join(directory, 'output.log')
  const file = openSync(output, 'w')
  const java = [...HEAP, `-Dlog4j2.configurationFile=${join(directory, 'log4j2.xml')}`, '-cp', classPath]
  const script = 'java "$@" </dev/null & pid=$!; echo $pid >"$MTO_PID"; cat >/dev/null; kill -9 $pid'
  const child = spawn('bash', ['-c', script, 'broker', ...java, 'kafka.Kafka', settings], {
    stdio: ['pipe', file, file],
    env: { ...process.env, MTO_PID: join(directory, 'pid') },
  })
  closeSync(file)
  await started(child, output)
  const pid = Number(await readFile(join(directory, 'pid'), 'utf8'))
  return {
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      try {
        process.kill(pid, signal)
        for (let waitedMs = 0; waitedMs < STOP_MS_MAX && isAlive(pid); waitedMs += POLL_MS) await sleep(POLL_MS)
      } catch {
        // It has ended already.
      }
      child.stdin?.end()
      await exited
    },
  }
}

async function started(child: ChildProcess, output: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_MS_MAX; waitedMs += POLL_MS) {
    const text = await readFile(output, 'utf8')
    if (text.includes('Kafka Server started')) return
    if (child.exitCode !== null || /Exiting Kafka|Fatal error/.test(text)) break
    await sleep(POLL_MS)
  }
  child.stdin?.end()
  throw new Error(`the broker did not start:\n${(await readFile(output, 'utf8')).slice(-4000)}`)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

const LOGGING = `<Configuration status="error">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %m (%c{1})%n"/></Console></Appenders>
  <Loggers>
    <Root level="warn"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server.KafkaRaftServer" level="info"/>
    <Logger name="org.apache.kafka.server.KafkaRaftServer" level="info"/>
  </Loggers>
</Configuration>
`
