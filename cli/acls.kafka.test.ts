import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { utf8Encode } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'
import { type Broker, startBroker, whyNoBroker } from '../testing/broker/index.ts'

/** An application on a broker with an authoriser, allowed what `mto acls` lists and nothing else, over TLS and PLAIN. */
const reason = await whyNoBroker()
const USER = { user: 'balances', password: 'a-secret-of-tests' }
const APPLICATION = 'acl-application'
const LINES = 30
const WAIT_MS = 40_000
const mto = fileURLToPath(new URL('./mto.ts', import.meta.url))
const streams = fileURLToPath(new URL('../streams/index.ts', import.meta.url))
let directory: string
let module: string
let broker: Broker
/** Without a login, as the cluster's administrator. */
let log: KafkaLog

beforeAll(async () => {
  if (reason !== undefined) return
  directory = await mkdtemp(join(tmpdir(), 'mto-acls-'))
  module = join(directory, 'regrouped.ts')
  await writeFile(
    module,
    `
import { createStreamsBuilder, serdes } from '${streams}'
export const topics = [{ name: 'acl-in', partitions: 2 }, { name: 'acl-out', partitions: 2 }]
export const config = { repartitionPurgeIntervalMs: 200 }
export function topology() {
  const builder = createStreamsBuilder()
  builder
    .stream('acl-in', { key: serdes.string, value: serdes.string })
    .groupBy((_key, value) => value, { name: 'by-value', key: serdes.string })
    .count({ store: 'counts' })
    .toStream()
    .to('acl-out')
  return builder.build()
}
`,
  )
  broker = await startBroker({ secure: [USER], authorizes: true })
  await writeFile(join(directory, 'ca.pem'), broker.secure?.authority ?? '')
  log = await createKafkaLog({ brokers: [broker.brokers], clientId: 'acls-test' })
}, 60_000)

afterAll(async () => {
  if (reason !== undefined) return
  await log.close()
  await broker.stop()
  await rm(directory, { recursive: true, force: true })
}, 30_000)

type Ended = { readonly code: number | null; readonly output: string; readonly errors: string }

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [mto, ...args], {
    stdio: 'pipe',
    env: { ...process.env, MTO_KAFKA_PASSWORD: USER.password },
  })
  const said = { output: '', errors: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    said.output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    said.errors += chunk.toString()
  })
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...said })))
  return { child, said, ended }
}

function startApplication() {
  const login = ['--kafka-sasl', 'PLAIN', '--kafka-user', USER.user, '--kafka-tls-ca', join(directory, 'ca.pem')]
  const place = ['--application-id', APPLICATION, '--data', join(directory, 'data'), '--standbys', '0']
  return start('run', module, '--kafka', broker.secure?.brokers ?? '', ...login, ...place)
}

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  for (const endMs = Date.now() + WAIT_MS; !(await condition()); ) {
    if (Date.now() > endMs) throw new Error(`${what}: it took too long`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function outputs(): Promise<number> {
  const partitions = [0, 1].map((partition) => ({ topic: 'acl-out', partition }))
  return (await log.admin.endOffsets(partitions)).reduce((sum, { offset }) => sum + offset, 0)
}

describe.skipIf(reason !== undefined)('a cluster with an authoriser', { timeout: 120_000 }, () => {
  test('an application that nothing is allowed says what it is refused', async () => {
    expect(await start('topics', 'apply', module, '--kafka', broker.brokers).ended).toMatchObject({ code: 0 })
    const { code, errors } = await startApplication().ended
    expect(code).toBe(1)
    expect(errors).toMatch(/LOG_REFUSED.*AUTHORIZATION_FAILED/)
  })

  test('an application that is allowed what `mto acls` lists runs, and cleans up behind itself', async () => {
    const listed = await start(
      ...['acls', module, '--application-id', APPLICATION, '--principal', `User:${USER.user}`, '--standbys'],
      ...['--apply', '--json', '--kafka', broker.brokers],
    ).ended
    expect(listed, listed.errors).toMatchObject({ code: 0 })
    expect(JSON.parse(listed.output)).toMatchObject({
      applied: true,
      acls: expect.arrayContaining([{ resource: 'topic', name: 'acl-in', pattern: 'literal', operation: 'read' }]),
      notes: [],
    })
    const application = startApplication()
    const producer = await log.createProducer({ clientId: 'lines', bufferBytesMax: 1_000_000 })
    await producer.prepareTopics(['acl-in'])
    for (let i = 0; i < LINES; i++)
      producer.send('acl-in', i % 2, utf8Encode('k'), utf8Encode(`v${i % 3}`), Date.now(), NO_HEADERS)
    await producer.close()
    await until('outputs', async () => application.child.exitCode !== null || (await outputs()) > 0)
    const repartitioned = [0, 1].map((partition) => ({ topic: `${APPLICATION}-by-value-repartition`, partition }))
    await until('purge of the repartition topic', async () => {
      if (application.child.exitCode !== null) return true
      const starts = await log.admin.startOffsets(repartitioned)
      return starts.some(({ offset }) => offset > 0)
    })
    application.child.kill('SIGTERM')
    const { code, errors } = await application.ended
    expect(code, errors).toBe(0)
    expect(errors).not.toMatch(/AUTHORIZATION|could not be purged/)
  })
})
