// @ts-check
import { get, send } from './api.js'
import { byId, h, replace } from './dom.js'

/** @typedef {import('./types.d.ts').Session} Session */

/** Who looks at the pages. Where nobody signs in, an analyst still says who takes a flag; this browser remembers it. */

/** @type {Session} */
let session = { id: null, role: null, rights: [], seesIdentity: true, signInNeeded: false }
const STAFF_KEY = 'mto-staff-id'

export const currentSession = () => session
/** @param {string} right */
export const may = (right) => session.rights.includes(right)

/** Whoever works on flags here: who has signed in, or who says so. */
export const staffId = () => session.id ?? localStorage.getItem(STAFF_KEY) ?? ''
/** @param {string} id */
export const rememberStaffId = (id) => localStorage.setItem(STAFF_KEY, id)

export async function loadSession() {
  session = await get('/v1/session')
  return session
}

/** True where somebody has to sign in, and nobody has. */
export const isSignedOut = () => session.signInNeeded && session.role === null

/** The name of who has signed in, and the way out. */
export function renderSession() {
  const place = byId('session')
  if (!session.signInNeeded || session.id === null) {
    replace(place)
    return
  }
  const leave = async () => {
    await send('DELETE', '/v1/session').catch(() => undefined)
    location.reload()
  }
  replace(
    place,
    h('span', { class: 'wide muted', title: `Role: ${session.role}` }, session.id),
    h('button', { class: 'button', type: 'button', onclick: leave }, 'Sign out'),
  )
}

/**
 * Asks for a token in the place of the page.
 * @param {HTMLElement} root
 */
export function showSignIn(root) {
  const token = h('input', {
    class: 'input',
    id: 'token',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    maxlength: 200,
  })
  const message = h('p', { class: 'notice problem', role: 'alert', hidden: true })
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    try {
      await send('POST', '/v1/session', { token: token.value.trim() })
      location.reload()
    } catch (error) {
      message.hidden = false
      message.textContent = error instanceof Error ? error.message : String(error)
      token.select()
    }
  }
  replace(
    root,
    h(
      'form',
      { class: 'card sign-in', onsubmit: submit },
      h('h1', {}, 'Sign in'),
      h('p', { class: 'muted' }, 'With the token that you were given. It stays in this browser for twelve hours.'),
      h('label', { for: 'token' }, 'Token'),
      token,
      message,
      h('button', { class: 'button primary', type: 'submit' }, 'Sign in'),
    ),
  )
  token.focus()
}
