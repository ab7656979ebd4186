import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopicSerde, localSchemas } from '#schemas'
import { SACCO_DEFINITIONS } from '#topologies/sacco'
import { methodOf } from '../http/mount.ts'
import type { Route } from '../http/route.ts'
import { readBackwards } from '../queries/backward-reader.ts'
import { CHROMIUM_ARGUMENTS, CHROMIUM_PATH } from '../testing/chromium.ts'
import { DEFAULT_START_MS, type RunningSacco, startRunningSacco } from '../testing/running-sacco.ts'
import { AUDIT_TOPIC, type AuditEntry, problemsOfAuditTrail, REPEAT_MS } from './access-log.ts'
import { MASKED } from './mask.ts'
import { GRANTS, ROLES, type Role } from './roles.ts'
import { createToken, hashOfToken } from './tokens.ts'

const DAY_MS = 86_400_000
const tokens = Object.fromEntries(ROLES.map((role) => [role, createToken()])) as Record<Role, string>
const users = ROLES.map((role) => ({ id: `S01-${role}`, role, sha256: hashOfToken(tokens[role]) }))
let sacco: RunningSacco
let member: { readonly memberId: string; readonly name: string; readonly phone: string }
let flag: string

type Asked = { readonly method?: string; readonly body?: object; readonly headers?: Record<string, string> }
const call = (role: Role | undefined, path: string, { method = 'GET', body, headers = {} }: Asked = {}) =>
  Promise.resolve(
    sacco.api.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: {
          ...(role === undefined ? {} : { authorization: `Bearer ${tokens[role]}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    ),
  )
// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what is expected of them
const json = async (role: Role, path: string): Promise<any> => (await call(role, path)).json()

beforeAll(async () => {
  sacco = await startRunningSacco({
    members: 120,
    users,
    stream: { scenarios: { fraudPerDay: 3 }, flaws: { malformed: 0.01 } },
  })
  await sacco.feed.until(DEFAULT_START_MS + 3 * DAY_MS)
  for (;;) {
    const { items } = await json('admin', '/v1/fraud-flags?limit=500')
    const found = items.find(({ memberId, deviceId }: { memberId: string; deviceId: string }) => memberId ?? deviceId)
    if (items.length > 3 && found !== undefined) {
      flag = found.id
      member = (await json('admin', `/v1/members/${found.memberId}`)).profile
      if (member.name !== null) break
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}, 120_000)
afterAll(() => sacco?.close(), 60_000)

const pathOf = ({ path }: Route): string =>
  path
    .replace('{member}', member.memberId)
    .replace('{flag}', flag)
    .replace('{loan}', 'none')
    .replace('{store}', 'members')
    .replace('{key}', member.memberId)

const ask = async (role: Role | undefined, each: Route): Promise<number> => {
  const method = methodOf(each).toUpperCase()
  const response = await call(role, pathOf(each), { method, ...(each.body === undefined ? {} : { body: {} }) })
  await response.body?.cancel()
  return response.status
}

describe('every route', () => {
  test('is closed to whoever has not signed in, but for health and signing in', async () => {
    for (const each of sacco.api.routes) {
      const status = await ask(undefined, each)
      const isOpen = status !== 401
      // A wrong token for signing in is 400 here: the body is empty.
      expect([each.operation, isOpen]).toEqual([each.operation, each.right === 'open'])
    }
    const open = sacco.api.routes.filter(({ right }) => right === 'open').map(({ path }) => path)
    expect(new Set(open)).toEqual(new Set(['/healthz', '/readyz', '/v1/session']))
  })

  test.each(ROLES)('lets the role %s do what the table says, and nothing else', async (role) => {
    for (const each of sacco.api.routes) {
      const status = await ask(role, each)
      const isForbidden = status === 403
      expect([each.operation, status, isForbidden]).toEqual([
        each.operation,
        status,
        !GRANTS[role].rights.includes(each.right),
      ])
    }
  })

  test('says what is missing as RFC 9457 has it', async () => {
    const response = await call(undefined, '/v1/members')
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="mto"'])
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ type: 'urn:mto:problem:unauthenticated', status: 401 })
    const forbidden = await call('risk', '/v1/access-log')
    expect(await forbidden.json()).toMatchObject({ type: 'urn:mto:problem:forbidden', status: 403 })
  })
})

describe('what identifies people', () => {
  test('is seen by analysts, and masked for the risk team, who see money and scores', async () => {
    const [seen, masked] = await Promise.all(
      (['analyst', 'risk'] as const).map((role) => json(role, `/v1/members/${member.memberId}`)),
    )
    expect(seen.profile).toMatchObject({ name: member.name, phone: member.phone })
    expect(masked.profile).toMatchObject({ memberId: member.memberId, name: MASKED, phone: MASKED })
    expect(masked.accounts).toEqual(seen.accounts)
    expect(masked.risk.score).toBe(seen.risk.score)
    expect(masked.openFlags[0].reason).toBe(MASKED)
  })

  test('is in no answer to the risk team, whatever it asks', async () => {
    const { email, phone, name } = (await json('admin', `/v1/members/${member.memberId}`)).profile
    for (const each of sacco.api.routes.filter(({ right }) => right === 'members' || right === 'dead-letters')) {
      if (each.path.startsWith('/v1/live') || methodOf(each) !== 'get') continue
      const text = await (await call('risk', pathOf(each))).text()
      for (const secret of [email, phone, name].filter(Boolean)) {
        expect([each.path, text.includes(secret)]).toEqual([each.path, false])
      }
    }
  })

  test('cannot be searched by whoever may not see it', async () => {
    const found = async (role: Role, text: string) =>
      (await json(role, `/v1/members?search=${encodeURIComponent(text)}`)).items.length
    expect([await found('analyst', member.phone), await found('risk', member.phone)]).toEqual([1, 0])
    expect([(await found('analyst', member.name)) > 0, await found('risk', member.name)]).toEqual([true, 0])
    expect(await found('risk', member.memberId)).toBe(1)
  })

  test('is masked in stores for engineers, and stores whose keys are personal are closed', async () => {
    const path = `/v1/stores/members/keys/${member.memberId}`
    const [seen] = (await json('admin', path)).items
    const [masked] = (await json('engineer', path)).items
    expect(seen.value.full_name).toBe(member.name)
    expect(masked.value).toMatchObject({ member_id: member.memberId, full_name: MASKED, status: seen.value.status })
    expect((await call('engineer', '/v1/stores/fraud-entities/range')).status).toBe(403)
    expect((await call('admin', '/v1/stores/fraud-entities/range')).status).toBe(200)
  })

  test('is masked in dead letters: of bytes only the wire header is shown', async () => {
    const [seen] = (await json('admin', '/v1/dead-letters?reason=unreadable&limit=1')).items
    const [masked] = (await json('engineer', '/v1/dead-letters?reason=unreadable&limit=1')).items
    expect(masked.valueHex).toBe(seen.valueHex.slice(0, 10))
    expect([masked.reason, masked.valueBytes, masked.source]).toEqual([seen.reason, seen.valueBytes, seen.source])
    const invalid = (await json('engineer', '/v1/dead-letters?reason=invalid&limit=1')).items[0]
    expect(invalid.value.data.amount_minor).toBeLessThan(0)
  })

  test('is masked in the live feed', async () => {
    const follow = async (role: Role) => {
      const response = await call(role, '/v1/live/fraud-flags')
      return (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
    }
    const readers = await Promise.all([follow('analyst'), follow('risk')])
    await sacco.feed.until(DEFAULT_START_MS + 5 * DAY_MS)
    const flags = await Promise.all(
      readers.map(async (reader) => {
        let text = ''
        while (!/event: flag\ndata: [^\n]*"id":"[^\n]*\n\n/.test(text)) text += (await reader.read()).value ?? ''
        await reader.cancel()
        return JSON.parse(/event: flag\ndata: ([^\n]*)\n/.exec(text)?.[1] ?? '')
      }),
    )
    expect(flags[0].reason).not.toBe(MASKED)
    expect([flags[1].reason, flags[1].subject.id]).toEqual([MASKED, MASKED])
    expect(flags[1].id).toBe(flags[0].id)
  }, 60_000)
})

test('a live feed ends with the session that it was opened with', async () => {
  const signedIn = await call(undefined, '/v1/session', { method: 'POST', body: { token: tokens.analyst } })
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] as string
  const response = await call(undefined, '/v1/live/fraud-flags', { headers: { cookie } })
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
  await call(undefined, '/v1/session', { method: 'DELETE', headers: { cookie } })
  await sacco.feed.until(DEFAULT_START_MS + 6 * DAY_MS)
  let text = ''
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value
  expect(text).toContain('event: cut-off\ndata: {"reason":"nobody is signed in any more"}')
  expect(text).not.toContain('event: flag')
}, 60_000)

describe('the work on flags', () => {
  const review = (role: Role, body: object) => call(role, `/v1/fraud-flags/${flag}/reviews`, { method: 'POST', body })

  test('is done in the name of who has signed in', async () => {
    const body = { action: 'take', eventId: 'access-take' }
    expect((await review('analyst', body)).status).toBe(202)
    for (;;) {
      const { assignee } = await json('analyst', `/v1/fraud-flags/${flag}`)
      if (assignee === 'S01-analyst') break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const forged = await review('analyst', { action: 'note', note: 'x', by: 'S01-BOSS' })
    expect([forged.status, ((await forged.json()) as { readonly detail: string }).detail]).toEqual([
      400,
      expect.stringContaining('leave it out'),
    ])
    expect((await review('risk', body)).status).toBe(403)
  })
})

describe('the access log', () => {
  const entriesOf = async (): Promise<readonly AuditEntry[]> => {
    const serde = createTopicSerde(AUDIT_TOPIC, localSchemas(SACCO_DEFINITIONS))
    const { records } = await readBackwards(sacco.application.log, [AUDIT_TOPIC], 5_000)
    return records.map(({ record }) => serde.deserialize(record.value as Uint8Array, AUDIT_TOPIC) as AuditEntry)
  }

  test('says who saw whom, when, through what, and whether it was masked', async () => {
    const startMs = Date.now() - REPEAT_MS
    await call('risk', `/v1/members/${member.memberId}/velocity`)
    const { items } = await json('admin', `/v1/access-log?entity=${member.memberId}&actor=S01-risk`)
    const looked = items.find((item: { detail: { operation: string } }) => item.detail.operation === 'readVelocity')
    expect(looked).toMatchObject({
      actor: 'S01-risk',
      action: 'viewed',
      entityType: 'member',
      entityId: member.memberId,
      detail: { role: 'risk', operation: 'readVelocity', path: '/v1/members/{member}/velocity', masked: true },
    })
    expect(Date.parse(looked.time)).toBeGreaterThanOrEqual(startMs)
    const operations = new Set(items.map(({ detail }: { detail: { operation: string } }) => detail.operation))
    expect([...operations]).toEqual(expect.arrayContaining(['readMember', 'findMembers', 'readVelocity']))
    const reviews = (await json('admin', `/v1/access-log?entity=${flag}`)).items
    expect(reviews).toEqual([expect.objectContaining({ actor: 'S01-analyst', action: 'reviewed', entityType: 'flag' })])
  })

  test('has everybody who was on a page of a list', async () => {
    const { items } = await json('analyst', '/v1/members?limit=7&order=id')
    const seen = (await json('admin', '/v1/access-log?actor=S01-analyst&limit=500')).items
    const ids = new Set(seen.map(({ entityId }: { entityId: string }) => entityId))
    for (const { memberId } of items) expect(ids.has(memberId)).toBe(true)
  })

  test('has each look once, not each request', async () => {
    const count = async () => (await entriesOf()).length
    const other = (await json('analyst', '/v1/members?limit=1&order=id')).items[0].memberId
    expect(other).not.toBe(member.memberId)
    await call('analyst', `/v1/members/${other}/risk`)
    const before = await count()
    for (let i = 0; i < 5; i++) await call('analyst', `/v1/members/${other}/risk`)
    expect(await count()).toBe(before)
    await call('admin', `/v1/members/${other}/risk`)
    expect(await count()).toBe(before + 1)
  })

  test('is a chain: what is changed or taken out shows', async () => {
    await Promise.all(
      ['profile', 'risk', 'balances', 'movements'].map((part) =>
        call('risk', `/v1/members/${member.memberId}${part === 'profile' ? '' : `/${part}`}`),
      ),
    )
    const entries = await entriesOf()
    expect(entries.length).toBeGreaterThan(50)
    expect(problemsOfAuditTrail(entries)).toEqual([])
    const middle = Math.floor(entries.length / 2)
    expect(problemsOfAuditTrail(entries.filter((_, index) => index !== middle)).length).toBeGreaterThan(0)
    const changed = entries.map((entry, index) =>
      index === middle ? { ...entry, data: { ...entry.data, actor_id: 'somebody-else' } } : entry,
    )
    expect(problemsOfAuditTrail(changed)).toEqual([expect.stringContaining('was changed')])
  })
})

describe.skipIf(!existsSync(CHROMIUM_PATH))('in a browser', () => {
  test('one signs in with a token, sees what the role may, and signs out', async () => {
    const browser = await chromium.launch({ executablePath: CHROMIUM_PATH, args: [...CHROMIUM_ARGUMENTS] })
    const page = await browser.newPage()
    try {
      await page.goto(`${sacco.server.url}/`)
      await page.locator('#token').fill('wrong')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await expect.poll(() => page.locator('.sign-in .notice').textContent()).toContain('nobody')
      await page.locator('#token').fill(tokens.risk)
      await page.keyboard.press('Enter')
      await page.waitForSelector('.flag')
      await page.locator('.flag').first().click()
      expect(await page.locator('.desk-detail .reason').textContent()).toBe(MASKED)
      // The risk team looks; it takes no flags.
      expect(await page.locator('.work-form').count()).toBe(0)
      expect(await page.locator('#session').textContent()).toContain('S01-risk')
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.locator('#token').fill(tokens.engineer)
      await page.keyboard.press('Enter')
      await page.waitForSelector('.topology .sub')
      expect(await page.locator('.nav a:visible').allTextContents()).toEqual(['Portfolio', 'System'])
    } finally {
      await browser.close()
    }
  }, 60_000)
})
