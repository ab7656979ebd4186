import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import type { AvroField, AvroSchema } from './avro/avro-types.ts'
import { avroJson } from './avro/schema-json.ts'
import {
  accountId,
  bandOf,
  CLASSIFICATIONS,
  createEvent,
  DEFAULT_DELINQUENCY_BANDS,
  type DelinquencyBand,
  definitionsOfTopic,
  type EventDefinition,
  eventId,
  eventTimeMs,
  journalId,
  memberId,
  parseAvro,
  problemOfBands,
  problemOfEvent,
  SACCO_EVENTS,
  SACCO_TOPICS,
  type SaccoEvent,
} from './index.ts'
import { schemasMarkdown } from './markdown.ts'
import { randomEvent } from './testing/random-value.ts'

const definitions: readonly EventDefinition[] = SACCO_EVENTS

/** Every field of a schema with its path, inner ones too. */
function fieldsOf(schema: AvroSchema, path: string): readonly (readonly [path: string, field: AvroField])[] {
  if (typeof schema === 'string') return []
  if (Array.isArray(schema)) return fieldsOf((schema as readonly AvroSchema[])[1] as AvroSchema, path)
  const node = schema as { readonly fields?: readonly AvroField[]; readonly items?: AvroSchema }
  if (node.items !== undefined) return fieldsOf(node.items, path)
  return (node.fields ?? []).flatMap((field) => [
    [`${path}.${field.name}`, field] as const,
    ...fieldsOf(field.type, `${path}.${field.name}`),
  ])
}

const allFields = definitions.flatMap((definition) => fieldsOf(definition.schema, definition.type))

/** Names that are about a person wherever they stand. */
const PERSONAL =
  /(^|_)(phone|email|national_id|full_name|date_of_birth|postal_address|bank_account|ip_address|latitude|longitude|receipt)$/

describe('every field', () => {
  test('has a doc and a classification', () => {
    const lacking = allFields.filter(
      ([, field]) => !field.doc?.trim() || !CLASSIFICATIONS.includes(field.classification),
    )
    expect(lacking.map(([path]) => path)).toEqual([])
    expect(allFields.length).toBeGreaterThan(500)
  })
  test('that is about a person is at least pii', () => {
    const open = allFields.filter(
      ([, f]) => PERSONAL.test(f.name) && f.classification !== 'pii' && f.classification !== 'secret',
    )
    expect(open.map(([path]) => path)).toEqual([])
  })
  test('holds no more than its outer field admits', () => {
    const weaker = allFields.filter(
      ([, field]) =>
        field.classification !== 'pii' &&
        fieldsOf(field.type, '').some(
          ([, inner]) => inner.classification === 'pii' || inner.classification === 'secret',
        ),
    )
    expect(weaker.map(([path]) => path)).toEqual([])
  })
  test('is in snake case; money is a long of minor units beside a currency', () => {
    expect(allFields.filter(([, field]) => !/^[a-z][a-z0-9_]*$/.test(field.name)).map(([path]) => path)).toEqual([])
    const money = allFields.filter(([, field]) => field.name.endsWith('_minor') || field.name === 'amount')
    const isLong = (type: AvroSchema): boolean => type === 'long' || (Array.isArray(type) && type[1] === 'long')
    expect(money.filter(([, field]) => !isLong(field.type)).map(([path]) => path)).toEqual([])
    for (const definition of definitions) {
      const fields = fieldsOf(definition.data, '')
      // Evidence of a flag may come from events of several currencies; the events themselves say which.
      if (definition.type === 'fraud.detected') continue
      if (fields.some(([, field]) => field.name.endsWith('_minor'))) {
        expect(
          fields.map(([path]) => path),
          definition.type,
        ).toContain('.currency')
      }
    }
  })
})

describe('every event type', () => {
  test('has a name and subject of its own, and is an Avro schema', () => {
    expect(new Set(definitions.map((definition) => definition.type)).size).toBe(definitions.length)
    expect(new Set(definitions.map((definition) => definition.fullName)).size).toBe(definitions.length)
    for (const { schema, fullName } of definitions) expect(parseAvro(avroJson(schema)).name).toBe(fullName)
  })
  test('has a key that is always there', () => {
    for (const { type, key, data } of definitions) {
      const field = data.fields.find((candidate) => candidate.name === key)
      const isText =
        field?.type === 'string' || (field?.type as { readonly type?: string } | undefined)?.type === 'string'
      expect(isText, `${type}: key ${key}`).toBe(true)
    }
  })
  test('lives in a topic that exists', () => {
    const topics = SACCO_TOPICS.map((topic) => topic.name)
    expect(new Set(definitions.map((definition) => definition.topic))).toEqual(new Set(topics))
  })
})

/** Word for word from the requirement document. */
const DOCUMENT_EVENTS = {
  'sacco.member.events': ['member.registered', 'member.verified', 'member.kyc.approved', 'member.status.changed'],
  'sacco.transaction.events': [
    'deposit.initiated',
    'deposit.completed',
    'withdrawal.requested',
    'withdrawal.processed',
    'transfer.executed',
  ],
  'sacco.loan.events': [
    'loan.application.submitted',
    'loan.approved',
    'loan.disbursed',
    'repayment.received',
    'loan.delinquent',
    'loan.restructured',
  ],
  'sacco.accounting.events': ['ledger.entry.created', 'journal.posted', 'interest.accrued', 'dividend.declared'],
  'sacco.compliance.events': ['sasra.report.generated', 'audit.trail.updated', 'suspicious.activity.detected'],
  'sacco.payment.events': ['payment.processed', 'payment.failed', 'payment.reconciled'],
  'sacco.notification.events': ['notification.sent', 'notification.failed'],
  'sacco.analytics.events': ['risk.score.calculated', 'fraud.detected'],
}

describe('the requirement document', () => {
  test.each(Object.entries(DOCUMENT_EVENTS))('%s: its events are there, and marked as its own', (topic, types) => {
    const marked = definitionsOfTopic(topic).filter((definition) => definition.origin === 'document')
    expect(marked.map((definition) => definition.type)).toEqual(types)
  })
  test('topics have its partitions, copies, cleanup and retention', () => {
    const sized = SACCO_TOPICS.filter((topic) => topic.origin === 'document')
    expect(
      sized.map(({ name, partitions, replicationFactor, config }) => [
        name,
        partitions,
        replicationFactor,
        config?.cleanupPolicy,
      ]),
    ).toEqual([
      ['sacco.member.events', 6, 3, 'compact'],
      ['sacco.transaction.events', 12, 3, 'delete'],
      ['sacco.loan.events', 8, 3, 'delete'],
    ])
    for (const { config } of SACCO_TOPICS) expect(config?.retentionMs).toBe(220_752_000_000)
  })
  test('the envelope has its fields in its order', () => {
    for (const { schema } of definitions) {
      expect(schema.fields.map((field) => field.name)).toEqual([
        'event_id',
        'event_type',
        'timestamp',
        'version',
        'data',
        'metadata',
      ])
    }
  })
})

describe('delinquency bands', () => {
  test('the table to start with covers every day, and says that nobody has verified it', () => {
    expect(problemOfBands(DEFAULT_DELINQUENCY_BANDS.bands)).toBeUndefined()
    expect(DEFAULT_DELINQUENCY_BANDS.verified).toBe(false)
    const codes = [-3, 0, 1, 30, 31, 180, 181, 360, 361, 9_999].map(
      (days) => bandOf(DEFAULT_DELINQUENCY_BANDS.bands, days).code,
    )
    expect(codes).toEqual([
      ...['performing', 'performing', 'watch', 'watch', 'substandard', 'substandard'],
      ...['doubtful', 'doubtful', 'loss', 'loss'],
    ])
  })

  const band = (days_from: number, days_to: number | null, provision_bps = 0): DelinquencyBand => ({
    code: `b${days_from}`,
    name: '',
    days_from,
    days_to,
    provision_bps,
  })
  test.each<[string, readonly DelinquencyBand[]]>([
    ['the table has no bands', []],
    ['band b1 starts on day 1, but day 0 comes next', [band(1, null)]],
    ['band b5 starts on day 5, but day 4 comes next', [band(0, 3), band(5, null)]],
    ['band b2 starts on day 2, but day 4 comes next', [band(0, 3), band(2, null)]],
    ['band b0 has no end, but is not the last', [band(0, null), band(1, null)]],
    ['the last band must have no end (days_to null)', [band(0, 3)]],
    ['band b0 ends on day -1, before it starts', [band(0, -1)]],
    ['band b0 has a provision of 10001 basis points; 0 to 10000 are possible', [band(0, null, 10_001)]],
  ])('%s', (problem, bands) => expect(problemOfBands(bands)).toBe(problem))
})

describe('the time of an event', () => {
  const at = (timestamp: string) => () => eventTimeMs({ timestamp, event_id: 'e-1' })
  test.each([
    ['2026-01-02T03:04:05.678Z', 1_767_323_045_678],
    ['2026-01-02T06:04:05.678+03:00', 1_767_323_045_678],
    ['2026-01-02T03:04:05.678901Z', 1_767_323_045_678],
    ['2026-01-02T03:04:05Z', 1_767_323_045_000],
  ])('%s', (text, timeMs) => expect(at(text)()).toBe(timeMs))
  test.each(['', '2026-01-02', '2026-01-02T03:04:05', '20231210133416', '2026-13-02T03:04:05Z', 'yesterday'])(
    '%j is none',
    (text) => {
      expect(at(text)).toThrow(/event e-1: timestamp .* is not ISO 8601 with a zone/)
    },
  )
  test('createEvent takes milliseconds too', () => {
    const event = createEvent('member.verified', {
      event_id: eventId('e'),
      timestamp: 1_767_323_045_678,
      data: { member_id: memberId('m'), verified_at: '', method: 'iprs' },
      metadata: { source: 's' },
    })
    expect(event.timestamp).toBe('2026-01-02T03:04:05.678Z')
  })
})

describe('problemOfEvent', () => {
  const journal = (change: object = {}, lineAmount = 5) => ({
    ...createEvent('journal.posted', {
      event_id: eventId('e'),
      timestamp: 0,
      data: {
        journal_id: journalId('j'),
        description: '',
        lines: [
          {
            account_id: accountId('a'),
            account_class: 'member',
            side: 'debit',
            amount_minor: 5,
            member_id: memberId('m'),
          },
          { account_id: accountId('b'), account_class: 'cash', side: 'credit', amount_minor: lineAmount },
        ],
        currency: 'KES',
        manual: false,
        control: {},
        posted_at: '',
        value_date: '',
      },
      metadata: { source: 's' },
    }),
    ...change,
  })
  test.each<[string, SaccoEvent, string | undefined]>([
    ['a sound event', journal(), undefined],
    ['a negative amount in a list', journal({}, -1), 'data.lines[1].amount_minor is -1, at least 0 expected'],
    ['an empty event id', journal({ event_id: '' }), 'event_id "" is not an id'],
    ['a local time', journal({ timestamp: '2026-01-01' }), 'timestamp "2026-01-01" is not ISO 8601 with a zone'],
    ['an empty key', journal({ data: { ...journal().data, journal_id: '' } }), 'data.journal_id "" is not an id'],
  ])('%s', (_, event, problem) => expect(problemOfEvent(event)).toBe(problem))

  test('knows every event type', () => {
    for (const definition of definitions) {
      const event = randomEvent(createPrng(1), definition)
      expect(() => problemOfEvent(event), definition.type).not.toThrow()
    }
  })
  test('every amount that an event is about has a minimum', () => {
    const open = allFields.filter(([, field]) => field.name === 'amount_minor' && field.minimum !== 0)
    expect(open.map(([path]) => path)).toEqual(['fraud.detected.data.evidence.amount_minor'])
  })
})

test('docs/SCHEMAS.md is current (UPDATE=1 writes it)', () => {
  const file = new URL('../docs/SCHEMAS.md', import.meta.url)
  if (process.env.UPDATE === '1') writeFileSync(file, schemasMarkdown())
  expect(readFileSync(file, 'utf8')).toBe(schemasMarkdown())
})
