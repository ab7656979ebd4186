import { describe, expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import { createSignIn } from './sign-in.ts'
import { createToken, createTokenBook, hashOfToken, parseUsers } from './tokens.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.parse('2026-11-20T12:00:00Z')
const anna = createToken()
const emil = createToken()
const users = [
  { id: 'S01-ANNA', role: 'analyst', sha256: hashOfToken(anna) },
  { id: 'emil', role: 'engineer', sha256: hashOfToken(emil), expires: '2026-11-21' },
] as const

describe('tokens', () => {
  test('are random, and only their hashes are kept', () => {
    expect(createToken()).toMatch(/^mto_[\w-]{43}$/)
    expect(createToken()).not.toBe(createToken())
    expect(JSON.stringify(users)).not.toContain(anna)
  })

  test.each([
    ['of Anna', anna, NOW_MS, 'S01-ANNA'],
    ['of Emil, before it expires', emil, NOW_MS, 'emil'],
    ['of Emil, on the day on which it expires', emil, Date.parse('2026-11-21'), undefined],
    ['of nobody', createToken(), NOW_MS, undefined],
    ['nothing', '', NOW_MS, undefined],
    ['the hash itself', hashOfToken(anna), NOW_MS, undefined],
    ['something long', 'x'.repeat(100_000), NOW_MS, undefined],
  ])('%s', (_what, token, nowMs, id) => {
    expect(createTokenBook(users)(token, nowMs)?.id).toBe(id)
  })

  test('a file of users is read as it was written', () => {
    expect(parseUsers(JSON.stringify({ users }), 'tokens.json')).toEqual(users)
  })

  const user = users[0]
  test.each([
    ['no JSON', '{', 'is not JSON'],
    ['no list', '{}', 'has no list'],
    ['no id', { users: [{ ...user, id: '' }] }, 'user 1 has no id'],
    ['an unknown role', { users: [{ ...user, role: 'boss' }] }, 'none of the roles analyst, risk, engineer, admin'],
    ['a token instead of its hash', { users: [{ ...user, sha256: anna }] }, 'no sha256 of its token'],
    ['one token for two', { users: [user, { ...user, id: 'ben' }] }, 'user 2 (ben) has the token of another user'],
    ['no date', { users: [{ ...user, expires: 'soon' }] }, 'expires is no date'],
  ])('a file with %s is refused', (_what, content, words) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    expect(() => parseUsers(text, 'tokens.json')).toThrow(`tokens.json: ${words === 'is not JSON' ? words : ''}`)
    expect(() => parseUsers(text, 'tokens.json')).toThrow(words)
  })
})

describe('signing in', () => {
  let nowMs = NOW_MS
  const clock = { wallClockMs: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} }
  const request = (headers: Record<string, string> = {}) => new Request('http://localhost/', { headers })
  const cookieOf = (text: string) => ({ cookie: text.slice(0, text.indexOf(';')) })

  test('a session is a cookie that no script reads and no other site sends', () => {
    const opened = createSignIn(users, clock).open(anna, request())
    expect(opened?.cookie).toMatch(/^mto-session=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/)
    const behindProxy = createSignIn(users, clock).open(anna, request({ 'x-forwarded-proto': 'https' }))
    expect(behindProxy?.cookie).toMatch(/; Secure$/)
    expect(opened?.cookie).not.toContain(anna)
  })

  test('it is good for twelve hours, for as long as the token, and until somebody signs out', () => {
    nowMs = NOW_MS
    const signIn = createSignIn(users, clock)
    const [ofAnna, ofEmil] = [anna, emil].map((token) => cookieOf(signIn.open(token, request())?.cookie ?? ''))
    expect(signIn.callerOf(request(ofAnna))).toEqual({ id: 'S01-ANNA', role: 'analyst' })
    expect(signIn.callerOf(request(ofEmil))?.role).toBe('engineer')
    nowMs = Date.parse('2026-11-21T00:00:01Z') - 1_000
    expect(signIn.callerOf(request(ofEmil))).toBeUndefined()
    nowMs = NOW_MS + DAY_MS / 2
    expect(signIn.callerOf(request(ofAnna))).toBeUndefined()
    nowMs = NOW_MS
    const again = cookieOf(signIn.open(anna, request())?.cookie ?? '')
    expect(signIn.close(request(again))).toMatch(/^mto-session=; .*Max-Age=0/)
    expect(signIn.callerOf(request(again))).toBeUndefined()
  })

  test('a wrong token counts, even beside a good cookie', () => {
    const signIn = createSignIn(users, clock)
    const good = cookieOf(signIn.open(anna, request())?.cookie ?? '')
    expect(signIn.callerOf(request({ ...good, authorization: 'Bearer wrong' }))).toBeUndefined()
    expect(signIn.callerOf(request({ authorization: `bearer ${emil}` }))?.id).toBe('emil')
    expect(signIn.callerOf(request({ authorization: `Basic ${emil}` }))).toBeUndefined()
    expect(signIn.callerOf(request({ cookie: 'mto-session=forged' }))).toBeUndefined()
  })
})

test('mutated files of users: users, or CONFIG_INVALID', () => {
  const seed = Number(process.env.SEED ?? 20_261_120)
  const sound = JSON.stringify({
    users: [{ id: 'S1', role: 'analyst', sha256: 'a'.repeat(64), expires: '2027-12-31' }],
  })
  const parts = ['', '"', '{', '}', ',', 'null', '0', '[]', 'users', '\u0000', 'admin']
  let refused = 0
  for (let i = 0; i < 2_000; i++) {
    const prng = createPrng(seed + i)
    const at = prng.below(sound.length)
    const text = sound.slice(0, at) + (parts[prng.below(parts.length)] as string) + sound.slice(at + prng.below(6))
    try {
      for (const { id, role, sha256 } of parseUsers(text, 'users.json'))
        expect(
          [id, role, sha256].every((each) => typeof each === 'string'),
          `SEED=${seed + i}`,
        ).toBe(true)
    } catch (error) {
      expect(error, `SEED=${seed + i}`).toMatchObject({ code: 'CONFIG_INVALID' })
      refused++
    }
  }
  expect(refused).toBeGreaterThan(1_000)
})
