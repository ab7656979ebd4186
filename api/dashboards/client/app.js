// @ts-check
import { followWhileSeen } from './api.js'
import { byId, h, replace } from './dom.js'
import { FlagsPage } from './flags-page.js'
import { shortTime } from './format.js'
import { MemberPage } from './member-page.js'
import { MembersPage } from './members-page.js'
import { problem } from './parts.js'
import { PortfolioPage } from './portfolio-page.js'
import { currentSession, isSignedOut, loadSession, may, renderSession, showSignIn } from './session.js'
import { SystemPage } from './system-page.js'

/** Routes by the hash of the address, keys, theme, and the line that says how fresh everything is. */

/** @typedef {{ show(): Promise<void> }} Page */

/** What one has to be allowed to do for a page to be of use. @type {Record<string, string>} */
const NEEDS = { flags: 'members', members: 'members', portfolio: 'platform', system: 'platform' }

/** @type {Record<string, { title: string, create: (context: import('./types.d.ts').PageContext) => Page }>} */
const PAGES = {
  flags: { title: 'Fraud flags', create: (context) => new FlagsPage(context) },
  members: {
    title: 'Members',
    create: (context) =>
      context.argument === '' || context.argument.startsWith('?') ? new MembersPage(context) : new MemberPage(context),
  },
  portfolio: { title: 'Portfolio', create: (context) => new PortfolioPage(context) },
  system: { title: 'System', create: (context) => new SystemPage(context) },
}

const root = byId('main')
/** @type {string | null} */
let streamTime = null
/** @type {(() => void)[]} */
let leaving = []
/** @type {((key: string) => boolean)[]} */
let keyHandlers = []
/** @type {((snapshot: import('./types.d.ts').SystemSnapshot) => void)[]} */
let snapshotHandlers = []
let leavePage = new AbortController()

function route() {
  const home = may('members') ? 'flags' : 'system'
  const [, asked = home, ...rest] = location.hash.split('/')
  // An address may come from somebody who may see more.
  const name = may(NEEDS[asked] ?? '') ? asked : home
  const page = PAGES[name] ?? PAGES.flags
  leavePage.abort()
  leavePage = new AbortController()
  for (const undo of leaving) undo()
  leaving = []
  keyHandlers = []
  snapshotHandlers = []
  for (const link of document.querySelectorAll('.nav a')) {
    const isCurrent = link.getAttribute('href') === `#/${name}`
    if (isCurrent) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  if (page === undefined) return
  document.title = `${page.title} · Mto`
  const argument = rest.join('/')
  const context = {
    root,
    argument: name === 'flags' ? decodeURIComponent(argument) : argument,
    streamTime: () => streamTime,
    go,
    onLeave: (/** @type {() => void} */ undo) => leaving.push(undo),
    onKey: (/** @type {(key: string) => boolean} */ handler) => keyHandlers.push(handler),
    onSnapshot: (/** @type {(snapshot: import('./types.d.ts').SystemSnapshot) => void} */ handler) =>
      snapshotHandlers.push(handler),
    signal: leavePage.signal,
  }
  const { signal } = leavePage
  window.scrollTo(0, 0)
  page
    .create(/** @type {import('./types.d.ts').PageContext} */ (/** @type {unknown} */ (context)))
    .show()
    .catch((error) => {
      if (!signal.aborted) replace(root, problem(error))
    })
}

/** @param {string} hash */
function go(hash) {
  location.hash = hash
}

// Keys ----------------------------------------------------------------------------------------------------------------

/** @type {Record<string, string>} */
const GOES = { f: '#/flags', m: '#/members', l: '#/portfolio', s: '#/system' }
let isGoing = false

/** @param {KeyboardEvent} event */
function keyPressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const target = /** @type {HTMLElement} */ (event.target)
  const isTyping = target.matches('input, select, textarea')
  if (isTyping) {
    if (event.key === 'Escape') target.blur()
    return
  }
  // Enter on a control is for the control.
  if (event.key === 'Enter' && target.closest('a, button, summary, tr.link') !== null) return
  if (byHelp().open) return
  if (isGoing && GOES[event.key] !== undefined) go(/** @type {string} */ (GOES[event.key]))
  else if (event.key === '?') byHelp().showModal()
  else if (!keyHandlers.some((handler) => handler(event.key))) {
    isGoing = event.key === 'g'
    if (event.key === '/') byId('find').focus()
    else return
  }
  isGoing = false
  event.preventDefault()
}

const byHelp = () => /** @type {HTMLDialogElement} */ (byId('help'))

// Theme ---------------------------------------------------------------------------------------------------------------

const THEME_KEY = 'mto-theme'
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)')

function applyTheme() {
  const chosen = localStorage.getItem(THEME_KEY)
  document.documentElement.dataset.theme = chosen ?? (prefersDark.matches ? 'dark' : 'light')
}

function toggleTheme() {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'
  localStorage.setItem(THEME_KEY, next)
  applyTheme()
}

// Freshness -----------------------------------------------------------------------------------------------------------

/** @type {'live' | 'waiting' | 'lost'} */
let connection = 'waiting'
let applicationState = ''

function renderFreshness() {
  const pill = byId('freshness')
  const isRunning = applicationState === 'running' || applicationState === ''
  pill.dataset.state = connection === 'live' && !isRunning ? 'waiting' : connection
  const texts = { live: isRunning ? 'Live' : applicationState, waiting: 'Connecting', lost: 'Not connected' }
  const time = streamTime === null ? null : h('span', { class: 'wide muted' }, `data as of ${shortTime(streamTime)}`)
  replace(pill, h('i', { class: 'dot' }), h('span', {}, texts[connection]), time)
}

applyTheme()
prefersDark.addEventListener('change', applyTheme)
byId('theme').addEventListener('click', toggleTheme)
byId('help-open').addEventListener('click', () => byHelp().showModal())
byId('help-close').addEventListener('click', () => byHelp().close())
byId('find-form').addEventListener('submit', (event) => {
  event.preventDefault()
  const field = /** @type {HTMLInputElement} */ (byId('find'))
  go(`#/members/?${encodeURIComponent(field.value.trim())}`)
  field.blur()
})
document.addEventListener('keydown', keyPressed)
document.addEventListener('mto-signed-out', () => {
  // A session ends after twelve hours, or with the server that gave it.
  if (currentSession().role !== null) location.reload()
})

async function start() {
  try {
    await loadSession()
  } catch (error) {
    replace(root, problem(error))
    return
  }
  renderSession()
  for (const link of document.querySelectorAll('.nav a')) {
    const name = link.getAttribute('href')?.slice(2) ?? ''
    if (link instanceof HTMLElement) link.hidden = !may(NEEDS[name] ?? '')
  }
  if (isSignedOut()) {
    showSignIn(root)
    return
  }
  followMetrics()
  window.addEventListener('hashchange', route)
  route()
}

const followMetrics = () =>
  followWhileSeen(
    '/v1/live/metrics',
    {
      snapshot: (/** @type {import('./types.d.ts').SystemSnapshot} */ snapshot) => {
        streamTime = snapshot.streamTime
        applicationState = snapshot.state
        renderFreshness()
        for (const handler of snapshotHandlers) handler(snapshot)
      },
    },
    (state) => {
      connection = state
      renderFreshness()
    },
  )

start()
