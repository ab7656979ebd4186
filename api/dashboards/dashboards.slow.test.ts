import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM_ARGUMENTS, CHROMIUM_PATH } from '../testing/chromium.ts'
import { DEFAULT_START_MS, type RunningSacco, startRunningSacco } from '../testing/running-sacco.ts'

const DAY_MS = 86_400_000
const hasChromium = existsSync(CHROMIUM_PATH)
if (!hasChromium) {
  process.stderr.write(
    `\nSKIPPED: the dashboards are NOT tested: there is no Chromium at ${CHROMIUM_PATH}.\n` +
      'Install it (Debian: apt-get install chromium), or set CHROMIUM_PATH.\n\n',
  )
}

describe.skipIf(!hasChromium)('dashboards in a real browser', () => {
  let sacco: RunningSacco
  let browser: Browser
  const problems: string[] = []

  beforeAll(async () => {
    sacco = await startRunningSacco({ members: 150, stream: { scenarios: { fraudPerDay: 3 } } })
    await sacco.feed.until(DEFAULT_START_MS + 4 * DAY_MS)
    browser = await chromium.launch({ executablePath: CHROMIUM_PATH, args: [...CHROMIUM_ARGUMENTS] })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await sacco?.close()
  }, 60_000)

  async function open(hash: string, options: { readonly width?: number; readonly dark?: boolean } = {}): Promise<Page> {
    const page = await browser.newPage({
      viewport: { width: options.width ?? 1_440, height: 900 },
      colorScheme: options.dark === true ? 'dark' : 'light',
    })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text())
    })
    await page.goto(`${sacco.server.url}/${hash}`)
    return page
  }

  test('flags are listed, and new ones arrive without loading the page', async () => {
    const page = await open('#/flags')
    await page.waitForSelector('.flag')
    await page.waitForSelector('.page-head .pill[data-state="live"]')
    const newest = await page.locator('.flag').first().getAttribute('id')
    await sacco.feed.until(DEFAULT_START_MS + 6 * DAY_MS)
    await expect.poll(() => page.locator('.flag').first().getAttribute('id'), { timeout: 20_000 }).not.toBe(newest)
    await page.close()
  }, 60_000)

  test('a flag opens with its reason, evidence and member; keys move through the list', async () => {
    const page = await open('#/flags')
    await page.waitForSelector('.flag[aria-selected="true"]')
    await page.keyboard.press('p')
    const first = await page.locator('.flag[aria-selected="true"]').getAttribute('id')
    await page.keyboard.press('j')
    const second = await page.locator('.flag[aria-selected="true"]').getAttribute('id')
    expect(second).not.toBe(first)
    await page.keyboard.press('k')
    expect(await page.locator('.flag[aria-selected="true"]').getAttribute('id')).toBe(first)
    const detail = page.locator('.desk-detail')
    expect(await detail.locator('.reason').textContent()).not.toBe('')
    expect(await detail.locator('.timeline li').count()).toBeGreaterThan(0)
    const link = detail.locator('.detail-head a').first()
    if ((await link.count()) > 0) {
      await page.keyboard.press('Enter')
      await page.waitForSelector('.accounts .account')
      expect(page.url()).toContain('#/members/')
    }
    await page.close()
  })

  test('a flag is taken, annotated and closed; another analyst sees it at once', async () => {
    const anna = await open('#/flags')
    await anna.waitForSelector('.flag[aria-selected="true"]')
    await anna.keyboard.press('p')
    const id = (await anna.locator('.flag[aria-selected="true"]').getAttribute('id')) ?? ''
    const ben = await open(`#/flags/${encodeURIComponent(id.replace(/^flag-/, ''))}`)
    await ben.waitForSelector('.work')
    await ben.waitForSelector('.page-head .pill[data-state="live"]')
    const work = anna.locator('.work')
    // Nobody signs in here, so it asks who it is, and for a reason.
    await work.locator('[data-action="take"]').click()
    await expect.poll(() => work.locator('.notice').textContent()).toContain('staff id')
    await anna.locator('#work-staff').fill('S01-ANNA')
    await work.locator('[data-action="take"]').click()
    await expect
      .poll(() => work.locator('.work-state').textContent(), { timeout: 20_000 })
      .toBe('You have it (S01-ANNA).')
    await expect.poll(() => ben.locator('.work-state').textContent(), { timeout: 20_000 }).toBe('S01-ANNA has it.')
    expect(await ben.locator('.work [data-action="confirmed"]').count()).toBe(0)

    await work.locator('[data-action="false_positive"]').click()
    await expect.poll(() => work.locator('.notice').textContent()).toContain('Write a note first')
    await anna.keyboard.press('Escape')
    await anna.keyboard.press('n')
    await anna.keyboard.type('Her brother pays back a loan; she showed the <b>contract</b>.')
    await work.locator('[data-action="false_positive"]').click()
    await expect
      .poll(() => work.locator('.work-state').textContent(), { timeout: 20_000 })
      .toBe('Closed by S01-ANNA: False alarm.')
    const steps = work.locator('.steps li')
    expect(await steps.count()).toBe(2)
    expect(await steps.first().textContent()).toContain('she showed the <b>contract</b>.')
    await expect.poll(() => ben.locator('.work .steps li').count(), { timeout: 20_000 }).toBe(2)

    const listed = anna.locator(`.flag[id="${id}"]`)
    await anna.getByLabel('Which flags').selectOption('closed')
    await expect.poll(() => listed.locator('.who .badge').textContent(), { timeout: 20_000 }).toContain('False alarm')
    await anna.keyboard.press('Escape')
    await anna.keyboard.press('j')
    await anna.getByLabel('Which flags').selectOption('mine')
    await expect.poll(() => anna.locator('.flag').count(), { timeout: 20_000 }).toBeLessThanOrEqual(1)
    await anna.close()
    await ben.close()
  }, 90_000)

  test('a severity, a rule or words leave out the other flags', async () => {
    const page = await open('#/flags')
    await page.waitForSelector('.flag')
    await page.locator('.chip[data-severity="high"]').click()
    await expect.poll(() => page.locator('.flag[data-severity="high"]').count(), { timeout: 20_000 }).toBe(0)
    await page.locator('.chip[data-severity="high"]').click()
    await page.waitForSelector('.flag[data-severity="high"]')
    await page.keyboard.press('/')
    await page.keyboard.type('no such words anywhere')
    await expect.poll(() => page.locator('.flag').count(), { timeout: 20_000 }).toBe(0)
    await page.close()
  })

  test('paused, the list stands still and counts what waits', async () => {
    const page = await open('#/flags')
    await page.waitForSelector('.page-head .pill[data-state="live"]')
    await page.waitForSelector('.flag')
    await page.getByRole('button', { name: 'Pause' }).click()
    const newest = await page.locator('.flag').first().getAttribute('id')
    await sacco.feed.until(DEFAULT_START_MS + 8 * DAY_MS)
    await page.waitForSelector('.new-bar:not([hidden])')
    expect(await page.locator('.flag').first().getAttribute('id')).toBe(newest)
    await page.locator('.new-bar').click()
    await expect.poll(() => page.locator('.flag').first().getAttribute('id'), { timeout: 20_000 }).not.toBe(newest)
    await page.close()
  }, 60_000)

  test('members are searched from anywhere, and one opens with everything about them', async () => {
    const page = await open('#/portfolio')
    await page.waitForSelector('.tile')
    await page.keyboard.press('/')
    await page.keyboard.type('M000010')
    await page.keyboard.press('Enter')
    await page.waitForSelector('tr.link')
    await page.locator('tr.link').first().focus()
    await page.keyboard.press('Enter')
    await page.waitForSelector('.chart canvas')
    const headings = await page.locator('.card h2').allTextContents()
    const wanted = ['Balances', 'Risk', 'Profile', 'Devices', 'Loans', 'Last movements', 'Recent events']
    expect(headings).toEqual(expect.arrayContaining(wanted))
    await page.close()
  })

  test('portfolio and system are drawn, with rates that move', async () => {
    const page = await open('#/portfolio')
    await page.waitForSelector('.histogram rect')
    expect(await page.locator('.tile .label').first().textContent()).toBe('PAR30')
    await page.keyboard.press('g')
    await page.keyboard.press('s')
    await page.waitForSelector('.topology .sub')
    await sacco.feed.until(DEFAULT_START_MS + 9 * DAY_MS)
    await page.waitForSelector('.topology path.flowing')
    expect(await page.locator('.chart canvas').count()).toBe(2)
    await page.close()
  })

  test('on a phone nothing is wider than the screen, and a flag opens over the list', async () => {
    const page = await open('#/flags', { width: 390, dark: true })
    await page.waitForSelector('.flag')
    expect(await page.evaluate(`document.documentElement.dataset.theme`)).toBe('dark')
    expect(await page.locator('.desk-detail').isVisible()).toBe(false)
    await page.locator('.flag').first().click()
    expect(await page.locator('.desk-detail').isVisible()).toBe(true)
    await page.locator('.sheet-back').click()
    expect(await page.locator('.desk-detail').isVisible()).toBe(false)
    for (const hash of ['#/flags', '#/members', '#/portfolio', '#/system']) {
      await page.goto(`${sacco.server.url}/${hash}`)
      await page.waitForTimeout(400)
      const width = await page.evaluate(`document.documentElement.scrollWidth`)
      expect([hash, width]).toEqual([hash, 390])
    }
    await page.close()
  })

  test('the documentation of the API is drawn without any other server', async () => {
    const page = await open('docs')
    await page.waitForSelector('#findMembers')
    expect(await page.locator('section.card').count()).toBeGreaterThan(20)
    await page.close()
  })

  test('names that look like markup are shown, not run', async () => {
    const page = await open('#/members/?<img src=x onerror=alert(1)>')
    await page.waitForSelector('.empty')
    expect(await page.locator('main img').count()).toBe(0)
    await page.close()
  })

  test('no page reported an error', () => {
    expect(problems).toEqual([])
  })
})
