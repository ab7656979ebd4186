import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brokerJars } from './broker-jars.ts'

const run = promisify(execFile)

const CLUSTER_ID = 'bXRvLXRlc3QtY2x1c3RlcQ'
const JVM = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=4']
const READY_MS_MAX = 60_000
const SLOW_MS = 15_000
const POLL_MS = 50
const STOP_MS_MAX = 15_000

/** One node of a cluster as a child process: its directory, settings and heap. */
export type NodeOptions = {
  readonly directory: string
  readonly properties: Readonly<Record<string, string>>
  readonly heapMiB: number
  /** SCRAM-SHA-512 users that the cluster knows from the beginning. */
  readonly users?: readonly { readonly user: string; readonly password: string }[]
  /** Levels of features other than the defaults: `streams.version=0`. */
  readonly features?: Readonly<Record<string, number>>
}

export type BrokerNode = {
  /** Resolves when the node says that it has started. */
  launch(): Promise<void>
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Writes the settings and formats the storage; `launch` starts the node. */
export async function prepareNode(options: NodeOptions): Promise<BrokerNode> {
  const { directory, properties, heapMiB } = options
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`)
  const files = {
    directory,
    settings: join(directory, 'server.properties'),
    classPath: `${join(await brokerJars(), '*')}`,
    heapMiB,
  }
  await writeFile(files.settings, `${lines.join('\n')}\n`)
  await writeFile(join(directory, 'log4j2.xml'), LOGGING)
  await format(files, options)
  let running: Launched | undefined
  return {
    launch: async () => {
      running = await launch(files)
    },
    end: async (signal) => running?.end(signal),
  }
}

type Files = {
  readonly directory: string
  readonly settings: string
  readonly classPath: string
  readonly heapMiB: number
}

/** Without formatting all features are at level 0: no streams groups, old transactions. */
async function format({ settings, classPath }: Files, { users = [], features = {} }: NodeOptions): Promise<void> {
  const tool = ['-XX:TieredStopAtLevel=1', '-cp', classPath, 'kafka.tools.StorageTool', 'format', '--ignore-formatted']
  const scram = users.flatMap(({ user, password }) => ['-S', `SCRAM-SHA-512=[name=${user},password=${password}]`])
  const levels = Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`])
  await run('java', [...tool, '-t', CLUSTER_ID, '-c', settings, ...scram, ...levels])
}

type Launched = { end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> }

/**
 * The broker runs under a shell that waits for the end of its standard input: when this process dies in whatever way,
 * the pipe closes and the shell ends the broker.
 */
async function launch({ directory, settings, classPath, heapMiB }: Files): Promise<Launched> {
  const output = join(directory, 'output.log')
  const file = openSync(output, 'w')
  const java = [
    '-Xms64m',
    `-Xmx${heapMiB}m`,
    ...JVM,
    `-Dlog4j2.configurationFile=${join(directory, 'log4j2.xml')}`,
    '-cp',
    classPath,
  ]
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
    if (text.includes('Kafka Server started')) {
      // A test that is slow for this reason is not slow for its own.
      if (waitedMs > SLOW_MS) process.stderr.write(`the broker took ${waitedMs} ms to start\n`)
      return
    }
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

export async function freePort(): Promise<number> {
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
