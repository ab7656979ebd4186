import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_ARGUMENTS, CHROMIUM_PATH } from '../api/testing/chromium.ts'
import { type RunningSacco, startRunningSacco } from '../api/testing/running-sacco.ts'

/**
 * Takes the pictures of README and docs from the running SACCO: node docs/screenshots.ts [names of pictures]
 * The days before today are lived through, so that the newest flags are of today.
 */
const DAY_MS = 86_400_000
const DIRECTORY = join(import.meta.dirname, 'images')
const MEMBERS = 600
const DAYS = 30
/** So long ago that the live part ends about now: topics of passing signals forget what is older than a week. */
const START_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - (DAYS + 1) * DAY_MS
const EVENTS_PER_SECOND = 200
const LIVE_SECONDS = 75

type Picture = {
  readonly name: string
  readonly hash: string
  readonly waitFor: string
  readonly dark?: boolean
  readonly phone?: boolean
  readonly height?: number
  readonly prepare?: (page: Page) => Promise<void>
}

const openCritical = async (page: Page): Promise<void> => {
  await page.keyboard.press('p')
  await page.locator('.flag[data-severity="critical"]').first().click()
  const take = page.locator('.work [data-action="take"]')
  if ((await take.count()) === 0) return
  await page.locator('#work-note').fill('I have called the member, who knows nothing of it.')
  await take.click()
  await page.locator('.work .steps li').first().waitFor()
}

function pictures(member: string): readonly Picture[] {
  return [
    { name: 'flags', hash: '#/flags', waitFor: '.flag', prepare: openCritical },
    { name: 'flags-dark', hash: '#/flags', waitFor: '.flag', dark: true, prepare: openCritical },
    { name: 'flags-phone', hash: '#/flags', waitFor: '.flag', phone: true },
    { name: 'flag-phone', hash: '#/flags', waitFor: '.flag', phone: true, dark: true, prepare: openCritical },
    { name: 'member', hash: `#/members/${member}`, waitFor: '.chart canvas', height: 1_180 },
    { name: 'member-dark', hash: `#/members/${member}`, waitFor: '.chart canvas', dark: true, height: 1_180 },
    { name: 'portfolio', hash: '#/portfolio', waitFor: '.histogram rect', height: 980 },
    { name: 'system', hash: '#/system', waitFor: '.topology path.flowing', height: 1_180 },
    { name: 'system-dark', hash: '#/system', waitFor: '.topology path.flowing', dark: true, height: 1_180 },
  ]
}

async function take(browser: Browser, url: string, picture: Picture): Promise<void> {
  const viewport =
    picture.phone === true ? { width: 390, height: 844 } : { width: 1_440, height: picture.height ?? 900 }
  const page = await browser.newPage({
    viewport,
    colorScheme: picture.dark === true ? 'dark' : 'light',
    deviceScaleFactor: picture.phone === true ? 2 : 1,
  })
  await page.addInitScript(`localStorage.setItem('mto-staff-id', 'S01-ANNA')`)
  await page.goto(`${url}/${picture.hash}`)
  await page.waitForSelector(picture.waitFor)
  await page.waitForTimeout(1_500)
  await picture.prepare?.(page)
  await page.waitForTimeout(800)
  await page.screenshot({ path: join(DIRECTORY, `${picture.name}.png`) })
  await page.close()
  process.stdout.write(`${picture.name}.png\n`)
}

async function riskiest({ server }: RunningSacco): Promise<string> {
  const response = await fetch(`${server.url}/v1/members?order=risk&limit=1`)
  const page = (await response.json()) as { readonly items: readonly { readonly memberId: string }[] }
  return page.items[0]?.memberId ?? ''
}

/** Everything that was sent is processed: pictures are of a SACCO that keeps up. */
async function untilProcessed({ server }: RunningSacco): Promise<void> {
  for (;;) {
    const answer = (await (await fetch(`${server.url}/v1/system`)).json()) as {
      readonly now: { readonly lagRecords: number } | null
    }
    if (answer.now?.lagRecords === 0) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

type Review = { readonly action: string; readonly by: string; readonly note?: string; readonly outcome?: string }

/** Analysts have been at work: some of the newest flags are taken, passed on or closed. */
async function work({ server }: RunningSacco): Promise<void> {
  const response = await fetch(`${server.url}/v1/fraud-flags?severity=critical,high&limit=12`)
  const { items } = (await response.json()) as { readonly items: readonly { readonly id: string }[] }
  const review = async (index: number, body: Review): Promise<void> => {
    const flag = items[index]
    if (flag === undefined) return
    await fetch(`${server.url}/v1/fraud-flags/${flag.id}/reviews`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }
  for (let index = 1; index < items.length; index += 3) {
    await review(index, { action: 'take', by: 'S01-ANNA' })
    await review(index, { action: 'note', by: 'S01-BEN', note: 'I have called the member: she knows nothing of it.' })
  }
  await review(2, { action: 'escalate', by: 'S01-BEN', note: 'The branch manager is involved.' })
}

async function main(): Promise<void> {
  if (!existsSync(CHROMIUM_PATH)) throw new Error(`there is no Chromium at ${CHROMIUM_PATH}: apt-get install chromium`)
  await mkdir(DIRECTORY, { recursive: true })
  const sacco = await startRunningSacco({
    members: MEMBERS,
    startMs: START_MS,
    stream: { scenarios: { fraudPerDay: 2, benignPerDay: 1 } },
  })
  const browser = await chromium.launch({ executablePath: CHROMIUM_PATH, args: [...CHROMIUM_ARGUMENTS] })
  const stop = new AbortController()
  try {
    process.stdout.write(`living through ${DAYS} days\n`)
    await sacco.feed.until(START_MS + DAYS * DAY_MS)
    await untilProcessed(sacco)
    const live = sacco.feed.until(Number.POSITIVE_INFINITY, {
      recordsPerSecond: EVENTS_PER_SECOND,
      signal: stop.signal,
    })
    // Percentiles are of a minute: the rush of the days before must be out of them.
    await new Promise((resolve) => setTimeout(resolve, LIVE_SECONDS * 1_000))
    await work(sacco)
    const asked = process.argv.slice(2)
    for (const picture of pictures(await riskiest(sacco))) {
      if (asked.length === 0 || asked.includes(picture.name)) await take(browser, sacco.server.url, picture)
    }
    stop.abort()
    await live
  } finally {
    stop.abort()
    await browser.close()
    await sacco.close()
  }
}

await main()
