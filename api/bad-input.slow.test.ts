import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createEvent,
  createTopicSerde,
  type EventOf,
  keyOfEvent,
  localSchemas,
  type SaccoEvent,
  writeWireHeader,
} from '#schemas'
import { SACCO_DEFINITIONS, UNKNOWN_MEMBER_WAIT_MS } from '#topologies/sacco'
import { CHROMIUM_ARGUMENTS, CHROMIUM_PATH } from './testing/chromium.ts'
import { DEFAULT_START_MS, type RunningSacco, startRunningSacco } from './testing/running-sacco.ts'

/**
 * Everything that can be wrong with an input, sent to the whole application in one process: each ends where it has to,
 * with its reason, is counted, and is seen through the API and on the page; and the stream goes on behind it.
 */
const TOPIC = 'sacco.transaction.events'
const DAY_MS = 86_400_000
const serde = createTopicSerde(TOPIC, localSchemas(SACCO_DEFINITIONS))

let sacco: RunningSacco
/** A member with an account, and the account. */
let member: { readonly id: string; readonly account: string }

type Json = Readonly<Record<string, unknown>> & { readonly items: readonly Readonly<Record<string, unknown>>[] }
const get = async (path: string): Promise<Json> =>
  (await sacco.api.fetch(new Request(`http://localhost${path}`))).json() as Promise<Json>

async function until<T>(read: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const value = await read()
    if (value !== undefined) return value
    if (performance.now() > endMs) throw new Error('what was waited for has not come')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

let sent = 0
/** No two at the same moment: movements of one millisecond are one entry of an account's history. */
const nowMs = (): number => sacco.feed.simulatedMs + ++sent

function deposit(id: string, data: object = {}, timestampMs = nowMs()): EventOf<'deposit.completed'> {
  return createEvent('deposit.completed', {
    event_id: id,
    timestamp: timestampMs,
    data: {
      transaction_id: `T-${id}`,
      member_id: member.id,
      account_id: member.account,
      amount_minor: 12_300,
      currency: 'KES',
      origin: { channel: 'mpesa', initiated_by: 'member' },
      control: {},
      occurred_at: new Date(timestampMs).toISOString(),
      ...data,
    },
    metadata: { source: 'test' },
  } as never) as EventOf<'deposit.completed'>
}

const sendEvent = (event: SaccoEvent, bytes = serde.serialize(event as never, TOPIC)) =>
  sacco.feed.sendBytes(TOPIC, keyOfEvent(event), bytes, nowMs())

/** The bytes of a deposit whose schema id says something else. */
function underSchema(id: number): Uint8Array {
  const bytes = serde.serialize(deposit('BAD-SCHEMA') as never, TOPIC).slice()
  writeWireHeader(bytes, id)
  return bytes
}

/** The record says that its amount is a text: the bytes of another type under the schema of a deposit. */
function wrongType(): Uint8Array {
  const bytes = serde.serialize(deposit('BAD-TYPE') as never, TOPIC)
  const text = new TextEncoder().encode('twelve thousand three hundred shillings')
  return new Uint8Array([...bytes.subarray(0, 5), ...text])
}

type Case = {
  readonly name: string
  readonly kind: 'dead-letter' | 'late'
  readonly reason: string
  readonly message: RegExp
  /** Undecodable: shown as bytes; otherwise as the event. */
  readonly shows: 'hex' | 'event'
  readonly send: () => Promise<unknown>
  readonly waitMs?: number
}

const CASES: readonly Case[] = [
  {
    name: 'bytes that nobody can read',
    kind: 'dead-letter',
    reason: 'unreadable',
    message: /not in the Confluent wire format/,
    shows: 'hex',
    send: () => sacco.feed.sendBytes(TOPIC, member.id, new Uint8Array([1, 2, 3, 250, 251, 252, 253]), nowMs()),
  },
  {
    name: 'a schema id that the registry does not know',
    kind: 'dead-letter',
    reason: 'unreadable',
    message: /schema id 999999: the registry does not know this id/,
    shows: 'hex',
    send: () => sacco.feed.sendBytes(TOPIC, member.id, underSchema(999_999), nowMs()),
  },
  {
    name: 'a value of another type than its schema says',
    kind: 'dead-letter',
    reason: 'unreadable',
    message: /deposit\.completed/,
    shows: 'hex',
    send: () => sacco.feed.sendBytes(TOPIC, member.id, wrongType(), nowMs()),
  },
  {
    name: 'a negative amount',
    kind: 'dead-letter',
    reason: 'invalid',
    message: /data\.amount_minor is -500, at least 0 expected/,
    shows: 'event',
    send: () => sendEvent(deposit('BAD-NEGATIVE', { amount_minor: -500 })),
  },
  {
    name: 'an event that is a year late',
    kind: 'late',
    reason: 'too-late',
    message: /older than the limit/,
    shows: 'event',
    send: () => sendEvent(deposit('BAD-LATE', {}, nowMs() - 365 * DAY_MS)),
  },
  {
    name: 'the id of an event that was there before',
    kind: 'dead-letter',
    reason: 'duplicate',
    message: /was there before/,
    shows: 'event',
    send: async () => {
      await sendEvent(deposit('BAD-TWICE'))
      await sendEvent(deposit('BAD-TWICE'))
    },
  },
  {
    name: 'a member whom nobody knows, after half a minute in which a registration could come',
    kind: 'dead-letter',
    reason: 'unknown-member',
    message: /there is no member M-NOBODY/,
    shows: 'event',
    send: () => sendEvent(deposit('BAD-MEMBER', { member_id: 'M-NOBODY' })),
    waitMs: UNKNOWN_MEMBER_WAIT_MS + 20_000,
  },
]

type Count = { readonly kind: string; readonly topic: string | null; readonly reason: string; readonly count: number }
async function countOf({ kind, reason }: Case): Promise<number> {
  const { items } = (await get('/v1/dead-letter-counts')) as unknown as { readonly items: readonly Count[] }
  return items.find((each) => each.kind === kind && each.reason === reason && each.topic === TOPIC)?.count ?? 0
}

async function balance(): Promise<number> {
  const { items } = await get(`/v1/members/${member.id}/balances`)
  const account = items.find(({ accountId }) => accountId === member.account) as never
  return (account as { readonly balance: { readonly minorUnits: number } }).balance.minorUnits
}

beforeAll(async () => {
  sacco = await startRunningSacco({ members: 100, stream: { flaws: { late: 0, duplicate: 0, malformed: 0 } } })
  await sacco.feed.until(DEFAULT_START_MS + DAY_MS)
  member = await until(async () => {
    const { items } = await get('/v1/members?limit=20&status=active')
    for (const { memberId } of items) {
      const accounts = (await get(`/v1/members/${memberId}/balances`)).items
      const open = accounts.find(({ product, status }) => product === 'fosa_savings' && status === 'open')
      if (open !== undefined) return { id: String(memberId), account: String(open.accountId) }
    }
    return undefined
  })
}, 120_000)
afterAll(() => sacco?.close(), 60_000)

describe('bad input', () => {
  test.each(CASES)('$name: $reason, counted, and the stream goes on', { timeout: 90_000 }, async (bad) => {
    const before = await countOf(bad)
    await bad.send()
    await until(async () => ((await countOf(bad)) === before + 1 ? true : undefined), bad.waitMs)

    const listed = await get(`/v1/dead-letters?kind=${bad.kind}&reason=${bad.reason}&limit=1`)
    const letter = listed.items[0] as Readonly<Record<string, unknown>>
    expect(letter).toMatchObject({ kind: bad.kind, reason: bad.reason, source: { topic: TOPIC } })
    expect(letter.message).toMatch(bad.message)
    if (bad.shows === 'hex') {
      expect(letter.source).toMatchObject({ partition: expect.any(Number), offset: expect.any(Number) })
      expect([letter.value, letter.valueHex]).toEqual([null, expect.stringMatching(/^[0-9a-f]+$/)])
    } else
      expect([letter.value, letter.valueHex]).toEqual([
        expect.objectContaining({ event_type: expect.any(String) }),
        null,
      ])

    const money = await balance()
    await sendEvent(deposit(`GOOD-AFTER-${bad.reason}-${bad.name}`.slice(0, 60).replaceAll(' ', '-')))
    await until(async () => ((await balance()) === money + 12_300 ? true : undefined))
  })

  test('nothing but the good deposits has reached the account', async () => {
    const { items } = await get(`/v1/members/${member.id}/movements?account=${member.account}&limit=500`)
    const ids = items.map(({ eventId }) => String(eventId))
    const bad = ids.filter((id) => id.startsWith('BAD-'))
    // The first of the two with one id is a good one.
    expect(bad).toEqual(['BAD-TWICE'])
  })

  test('each input ended as exactly one thing', async () => {
    const { items } = (await get('/v1/input-accounting')) as unknown as {
      readonly items: readonly { topic: string; outcome: string; reason: string | null; count: number }[]
    }
    const of = (outcome: string, reason: string | null = null) =>
      items.find((each) => each.topic === TOPIC && each.outcome === outcome && each.reason === reason)?.count
    expect([of('duplicate'), of('late', 'too-late')]).toEqual([1, 1])
    expect([of('dead-lettered', 'invalid'), of('dead-lettered', 'unknown-member')]).toEqual([1, 1])
  })

  test('metrics have the numbers by reason', async () => {
    const text = await (await sacco.api.fetch(new Request('http://localhost/metrics'))).text()
    expect(text).toContain(`dead_letters{kind="dead-letter",topic="${TOPIC}",reason="unreadable"} 3`)
    expect(text).toContain(`dead_letters{kind="late",topic="${TOPIC}",reason="too-late"} 1`)
  })
})

describe.skipIf(!existsSync(CHROMIUM_PATH))('bad input in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM_PATH, args: [...CHROMIUM_ARGUMENTS] })
  })
  afterAll(() => browser?.close())

  test('the system page shows every reason with its number, and what was refused with all that is known of it', async () => {
    const page = await browser.newPage()
    await page.goto(`${sacco.server.url}/#/system`)
    for (const reason of new Set(CASES.map((each) => each.reason))) {
      const row = page.locator(`tr[data-reason="${reason}"]`)
      await row.first().waitFor()
      expect(await row.locator('td.number').first().textContent()).toBe(reason === 'unreadable' ? '3' : '1')
    }
    await page.locator('tr[data-reason="unreadable"] button').click()
    const letter = page.locator('details', { hasText: 'schema id 999999' })
    await letter.waitFor()
    await letter.locator('summary').click()
    expect(await letter.locator('pre').textContent()).toMatch(/^00000f423f/)
    expect(await letter.locator('xpath=..').textContent()).toMatch(/sacco\.transaction\.events \d+ @ \d+ · key M/)
    await page.close()
  }, 60_000)
})
