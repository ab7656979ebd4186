import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEmbeddedLog } from '#connectors/embedded-log'
import { createEvent, createTopicSerde } from '#schemas'
import { utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS } from '#streams/ports'
import type { LoadReport } from './load/load-report.ts'
import { openRegistry, schemasOf } from './platform/sacco-module.ts'
import { runCli, temporaryDirectory } from './testing/run-cli.ts'
import type { VerifyReport } from './verify/verify.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const RATE = 500
const SECONDS = 4
let data: Awaited<ReturnType<typeof temporaryDirectory>>
let report: LoadReport

beforeAll(async () => {
  data = await temporaryDirectory()
  const load = ['load', '--data', data.path, '--members', '200', '--rate', String(RATE), '--seconds', String(SECONDS)]
  const result = await runCli([...load, '--labels', join(data.path, 'labels.jsonl'), '--json'])
  expect(result.stderr).toContain('p50/p95/p99')
  report = JSON.parse(result.stdout) as LoadReport
}, 180_000)
afterAll(() => data[Symbol.asyncDispose]())

async function verified(): Promise<VerifyReport & { readonly exitCode: number | null }> {
  const { stdout, exitCode } = await runCli(['verify', '--data', data.path, '--no-catch-up', '--json'])
  return { ...(JSON.parse(stdout) as VerifyReport), exitCode }
}

const wrong = ({ checks }: VerifyReport): string[] =>
  checks.filter(({ differences }) => differences > 0).map(({ name }) => name)

async function change(use: (log: Log) => Promise<void>): Promise<void> {
  const owner = await openEmbeddedLog({ directory: join(data.path, 'log'), logger: quiet })
  try {
    await use(owner.connect())
  } finally {
    await owner.close()
  }
}

/** In order: each test goes on with the directory that the one before has left. */
describe('mto load, verify and evaluate', () => {
  test('sends what was asked for, and measures every effect', () => {
    expect(report.liveRecords).toBe(RATE * SECONDS)
    expect(report.caughtUp).toBe(true)
    expect(report.outcomes.processed).toBeGreaterThan(RATE * SECONDS * 0.9)
    const { balance, api } = report.latency
    expect(balance.count).toBeGreaterThan(100)
    expect(api.count).toBeGreaterThan(0)
    expect(balance.minMs).toBeGreaterThan(0)
    expect(balance.p50Ms).toBeLessThanOrEqual(balance.p99Ms)
  })

  test('a load that has ended is whole, and is not begun again by mistake', { timeout: 60_000 }, async () => {
    const again = await runCli(['load', '--data', data.path, '--members', '200'])
    expect(again.exitCode).toBe(1)
    expect(again.stderr).toContain('--fresh')
  })

  test('the money is clean, every input is accounted for', { timeout: 60_000 }, async () => {
    const clean = await verified()
    expect(wrong(clean)).toEqual([])
    expect(clean).toMatchObject({ exitCode: 0, differences: 0 })
    const taken = Object.values(clean.inputs).reduce((sum, { processed }) => sum + processed, 0)
    expect(taken).toBe(report.outcomes.processed)
    for (const { name, compared } of clean.checks)
      if (!/refused|flag|access log/.test(name)) expect([name, compared > 0]).toEqual([name, true])
  })

  test('evaluates flags against the labels', { timeout: 60_000 }, async () => {
    const result = await runCli([
      'evaluate',
      '--data',
      data.path,
      '--labels',
      join(data.path, 'labels.jsonl'),
      '--json',
    ])
    const { overall } = JSON.parse(result.stdout)
    expect(result.exitCode).toBe(0)
    expect(overall.truePositives + overall.falsePositives).toBe(overall.flags)
    await writeFile(join(data.path, 'broken.jsonl'), 'no json\n')
    const broken = await runCli(['evaluate', '--data', data.path, '--labels', join(data.path, 'broken.jsonl')])
    expect(broken).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('broken.jsonl') })
  })

  test('finds a posting that has no event', { timeout: 60_000 }, async () => {
    await change(async (log) => {
      const { registry, prepared } = await openRegistry(log)
      const serde = createTopicSerde('sacco.accounting.events', schemasOf(prepared))
      const postedAt = '2026-03-01T10:00:00.000Z'
      const line = (account: string, account_class: 'member' | 'cash', side: 'debit' | 'credit') => ({
        ...{ account_id: account, account_class, side, amount_minor: 12_300, member_id: null },
      })
      const journal = createEvent('journal.posted', {
        event_id: 'J-planted' as never,
        timestamp: postedAt,
        data: {
          ...{ journal_id: 'J-planted', description: 'planted', currency: 'KES', manual: false, control: {} },
          lines: [line('A000001-F', 'member', 'credit'), line('gl:cash', 'cash', 'debit')],
          ...{ source_event_id: 'nothing', posted_at: postedAt, value_date: '2026-03-01' },
        } as never,
        metadata: { source: 'mto-ledger' },
      })
      const producer = await log.createProducer({ clientId: 'planted', bufferBytesMax: 1_000_000 })
      await producer.prepareTopics(['sacco.accounting.events'])
      const headers = [{ key: 'mto.origin', value: utf8Encode('ledger') }]
      const value = serde.serialize(journal as never, 'sacco.accounting.events')
      producer.send('sacco.accounting.events', 0, utf8Encode('J-planted'), value, Date.parse(postedAt), headers)
      await producer.close()
      await registry.close()
    })
    const found = await verified()
    expect(found.exitCode).toBe(1)
    expect(wrong(found).sort()).toEqual([
      'each balance is the sum of its postings',
      'each journal has one processed event',
      "the SACCO's own accounts agree with the journals",
    ])
    expect(JSON.stringify(found.checks)).toContain('A000001-F')
  })

  test('finds an input that was never processed, and bytes that no dead letter speaks of', {
    timeout: 60_000,
  }, async () => {
    await change(async (log) => {
      const producer = await log.createProducer({ clientId: 'planted', bufferBytesMax: 1_000_000 })
      await producer.prepareTopics(['sacco.transaction.events'])
      producer.send('sacco.transaction.events', 3, utf8Encode('M1'), utf8Encode('bytes'), Date.now(), NO_HEADERS)
      await producer.close()
    })
    expect(wrong(await verified())).toContain('every input is accounted for')
  })

  test('finds events that are missing', { timeout: 60_000 }, async () => {
    await change((log) => log.admin.deleteRecords([{ topic: 'sacco.transaction.events', partition: 0, offset: 40 }]))
    const found = await verified()
    expect(wrong(found)).toContain('each balance is the fold of its events')
    expect(found.exitCode).toBe(1)
  })
})
