import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { utf8Encode } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'

/** The operator's commands against a real broker, as an operator types them. */
const brokers = inject('kafkaBrokers')
const mto = fileURLToPath(new URL('./mto.ts', import.meta.url))
const streams = fileURLToPath(new URL('../streams/index.ts', import.meta.url))
const application = `operations-${Date.now().toString(36)}`
const INPUT = `${application}.in`
const LINES = 50
let directory: string
let module: string
let log: KafkaLog

type Run = { readonly code: number | null; readonly output: string; readonly errors: string }

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [mto, ...args, '--kafka', brokers.join()], { stdio: 'pipe' })
  const run = { output: '', errors: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    run.output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    run.errors += chunk.toString()
  })
  const ended = new Promise<Run>((resolve) => child.on('close', (code) => resolve({ code, ...run })))
  return { child, run, ended }
}

const run = (...args: readonly string[]): Promise<Run> => start(...args).ended

const moduleText = (retentionMs: number): string => `
import { createStreamsBuilder, serdes } from '${streams}'
export const topics = [{ name: '${INPUT}', partitions: 2, config: { retentionMs: ${retentionMs} } }]
export function topology() {
  const builder = createStreamsBuilder()
  builder.stream('${INPUT}', { key: serdes.string, value: serdes.string }).groupByKey().count({ store: 'counts' })
  return builder.build()
}
`

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mto-operations-'))
  module = join(directory, 'counting.ts')
  await writeFile(module, moduleText(-1))
  log = await createKafkaLog({ brokers, clientId: 'operations-test' })
})
afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let waitedMs = 0; !(await condition()); waitedMs += 100) {
    if (waitedMs > 40_000) throw new Error('it took too long')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('operations on Kafka', { timeout: 120_000 }, () => {
  test('topics are planned and applied', async () => {
    const plan = await run('topics', 'plan', module)
    expect(plan).toMatchObject({ code: 2, output: expect.stringContaining(`create ${INPUT} 2 partitions`) })
    expect(await run('topics', 'apply', module)).toMatchObject({ code: 0 })
    expect(await run('topics', 'plan', module)).toMatchObject({ code: 0, output: `as it is ${INPUT}\n` })
    const changed = join(directory, 'changed.ts')
    await writeFile(changed, moduleText(86_400_000_000))
    const planned = await run('topics', 'plan', changed, '--json')
    expect(JSON.parse(planned.output).changes).toEqual([
      { topic: INPUT, kind: 'settings', detail: 'retention.ms: -1 -> 86400000000' },
    ])
    expect(await run('topics', 'apply', changed)).toMatchObject({ code: 0 })
    expect((await log.operations.topicSettings(INPUT)).get('retention.ms')).toBe('86400000000')
  })

  test('a running group is listed, healthy, and not reset; a stopped one is', async () => {
    const producer = await log.createProducer({ clientId: 'lines', bufferBytesMax: 1_000_000 })
    await producer.prepareTopics([INPUT])
    for (let i = 0; i < LINES; i++)
      producer.send(INPUT, i % 2, utf8Encode('k'), utf8Encode('v'), Date.now(), NO_HEADERS)
    await producer.close()
    const running = start('run', module, '--application-id', application, '--data', join(directory, 'data'))
    await until(() => running.run.output.includes('ready'))
    const lagOf = async (): Promise<{ total: number; partitions: unknown[] }> =>
      JSON.parse((await run('lag', application, '--json')).output)
    await until(async () => {
      const { total, partitions } = await lagOf()
      return partitions.length === 2 && total === 0
    })

    const groups = JSON.parse((await run('groups', '--json')).output)
    expect(groups).toContainEqual({ group: application, state: 'Stable', type: 'streams' })
    const group = JSON.parse((await run('groups', application, '--json')).output)
    expect(group).toMatchObject({ group: application, state: 'Stable', members: [{ active: ['0_0', '0_1'] }] })
    const health = await run('health', '--group', application, '--topic', INPUT)
    expect(health, health.output).toMatchObject({ code: 0 })
    const unhealthy = await run('health', '--group', 'no-such-group', '--topic', 'no-such-topic', '--json')
    expect(unhealthy.code).toBe(1)
    const wrong = JSON.parse(unhealthy.output).findings.filter((each: { isHealthy: boolean }) => !each.isHealthy)
    expect(wrong.map((each: { what: string }) => each.what)).toEqual(['topic no-such-topic', 'group no-such-group'])
    expect(await run('reset', application)).toMatchObject({
      code: 1,
      errors: expect.stringContaining('1 running member; stop'),
    })

    running.child.kill('SIGTERM')
    expect((await running.ended).code, running.run.errors).toBe(0)
    const dry = await run('reset', application, '--to', 'earliest')
    expect(dry.output).toContain(`would delete topic ${application}-counts-changelog`)
    expect((await lagOf()).total).toBe(0)
    expect(await run('reset', application, '--to', 'earliest', '--execute')).toMatchObject({ code: 0 })
    expect((await lagOf()).total).toBe(LINES)
    expect(await log.admin.listTopics()).not.toContain(`${application}-counts-changelog`)
  })

  test('a broker that does not answer is said so', async () => {
    const child = spawn(process.execPath, [mto, 'health', '--kafka', '127.0.0.1:1'], { stdio: 'pipe' })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect({ code, output }).toMatchObject({ code: 1, output: expect.stringContaining('ECONNREFUSED') })
  })
})
