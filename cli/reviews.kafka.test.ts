import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, inject, test } from 'vitest'
import { createToken, hashOfToken } from '#api'
import { createKafkaLog } from '#connectors/kafka'
import { createEvent, createTopicSerde } from '#schemas'
import { partitionForKey, utf8Encode } from '#streams/base'
import { NO_HEADERS } from '#streams/ports'
import { openRegistry, schemasOf } from './platform/sacco-module.ts'
import { startCli } from './testing/run-cli.ts'

/** An analyst takes a flag of the SACCO that runs on Kafka: the same page, the same event, the same answer. */
const brokers = inject('kafkaBrokers')
const SACCO = fileURLToPath(new URL('../topologies/sacco/application.ts', import.meta.url))
const ANALYTICS = 'sacco.analytics.events'
const FLAG = '001780000000000-test-rule-0badcafe'
const AT = '2026-05-28T20:26:40.000Z'

test('mto run serves the API on Kafka; a review is an event, and the flag is taken', { timeout: 240_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mto-reviews-'))
  const log = await createKafkaLog({ brokers, clientId: 'reviews-test' })
  const token = createToken()
  const auth = join(directory, 'users.json')
  const users = [{ id: 'S01-ANNA', role: 'analyst', sha256: hashOfToken(token) }]
  await writeFile(auth, JSON.stringify({ users }), { mode: 0o600 })
  const application = `sacco-reviews-${Date.now().toString(36)}`
  const run = startCli(
    // biome-ignore format: as typed
    ['run', SACCO, '--application-id', application, '--data', directory, '--kafka', brokers.join(), '--port', '0',
      '--auth', auth, '--log-level', 'warn'],
  )
  try {
    const [, url = ''] = await run.waitFor(/ready (http:\/\/127\.0\.0\.1:\d+)/)
    const { registry, prepared } = await openRegistry(log)
    await registry.close()
    const producer = await log.createProducer({ clientId: 'reviews-test', bufferBytesMax: 1_000_000 })
    await producer.prepareTopics([ANALYTICS])
    const flag = createEvent('fraud.detected', {
      event_id: FLAG,
      timestamp: AT,
      data: {
        ...{ flag_id: FLAG, subject_kind: 'member', subject_id: 'M1', member_id: 'M1', rule_id: 'velocity' },
        ...{ rule_version: 1, severity: 'high', outcome: 'review', score: 300, reason: 'test', evidence: [] },
        ...{ evidence_count: 0, detected_at: AT },
      },
      metadata: { source: 'test' },
    } as never)
    const bytes = createTopicSerde(ANALYTICS, schemasOf(prepared)).serialize(flag as never, ANALYTICS)
    const partition = partitionForKey(utf8Encode('M1'), producer.partitionCount(ANALYTICS) ?? 1)
    producer.send(ANALYTICS, partition, utf8Encode('M1'), bytes, Date.parse(AT), NO_HEADERS)
    await producer.flush()
    await producer.close()

    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const path = `${url}/v1/fraud-flags/${FLAG}`
    await expect.poll(async () => (await fetch(path, { headers })).status, { timeout: 30_000 }).toBe(200)
    const body = JSON.stringify({ action: 'take', eventId: 'kafka-take' })
    const accepted = await fetch(`${path}/reviews`, { method: 'POST', headers, body })
    const { position } = (await accepted.json()) as { readonly position: { readonly offset: number } }
    expect([accepted.status, position]).toEqual([202, { topic: ANALYTICS, partition, offset: expect.any(Number) }])
    await fetch(`${path}/reviews`, { method: 'POST', headers, body })
    const state = async () => {
      const { status, assignee, history } = (await (await fetch(path, { headers })).json()) as {
        readonly status: string
        readonly assignee: string
        readonly history: readonly unknown[]
      }
      return [status, assignee, history.length]
    }
    await expect.poll(state, { timeout: 30_000 }).toEqual(['taken', 'S01-ANNA', 1])
    run.process.kill('SIGINT')
    expect(await run.ended).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('stopped') })
  } finally {
    run.process.kill('SIGKILL')
    await log.close()
    await rm(directory, { recursive: true, force: true })
  }
})
