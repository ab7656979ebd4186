// @ts-check
/** Requests to the query API. Whatever goes wrong comes as an Error with a sentence that a person can read. */

/**
 * @template T
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [parameters]
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function get(path, parameters = {}, signal) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, String(value))
  }
  const text = query.size === 0 ? path : `${path}?${query}`
  return answerOf(await fetch(text, { headers: { accept: 'application/json' }, ...(signal ? { signal } : {}) }))
}

/**
 * @param {'POST' | 'DELETE'} method
 * @param {string} path
 * @param {object} [content]
 * @returns {Promise<any>}
 */
export async function send(method, path, content) {
  const body = content === undefined ? {} : { body: JSON.stringify(content) }
  const headers = { accept: 'application/json', 'content-type': 'application/json' }
  return answerOf(await fetch(path, { method, headers, ...body }))
}

/** @param {Response} response */
async function answerOf(response) {
  if (response.ok) return response.json()
  const problem = await response.json().catch(() => ({ title: `HTTP ${response.status}`, detail: '' }))
  if (response.status === 401) document.dispatchEvent(new Event('mto-signed-out'))
  const fields = /** @type {{ field: string, reason: string }[] | undefined} */ (problem.errors)
  const error = new Error(
    fields?.map(({ field, reason }) => `${field} ${reason}`).join('; ') || problem.detail || problem.title,
  )
  error.name = problem.title
  throw error
}

/**
 * A live feed that comes back by itself. The browser sends the id of the last event along, so nothing is missed.
 * @param {string} path
 * @param {Record<string, (data: any) => void>} handlers by event
 * @param {(state: 'live' | 'waiting' | 'lost') => void} onState
 * @returns {() => void} stops it
 */
export function follow(path, handlers, onState) {
  const source = new EventSource(path)
  onState('waiting')
  source.addEventListener('open', () => onState('live'))
  source.addEventListener('error', () => onState(source.readyState === EventSource.CLOSED ? 'lost' : 'waiting'))
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handler(JSON.parse(/** @type {MessageEvent} */ (event).data)))
  }
  return () => source.close()
}

/**
 * The same, but only while the page is seen: browsers open six connections to a server in all, so that pages nobody
 * looks at must not hold one for what is stale at once anyway.
 * @param {Parameters<typeof follow>} options
 */
export function followWhileSeen(...options) {
  /** @type {(() => void) | undefined} */
  let stop
  const update = () => {
    stop?.()
    stop = document.hidden ? undefined : follow(...options)
  }
  document.addEventListener('visibilitychange', update)
  update()
}
