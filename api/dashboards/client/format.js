// @ts-check
/** Times are those of East Africa: due dates, office hours and the people who read this are there. */
const ZONE = 'Africa/Nairobi'
const dayTime = new Intl.DateTimeFormat('en-GB', {
  timeZone: ZONE,
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const full = new Intl.DateTimeFormat('en-GB', {
  timeZone: ZONE,
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const day = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, day: 'numeric', month: 'short', year: 'numeric' })
const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 })

/** @param {string | null} iso */
export const shortTime = (iso) => (iso === null ? '–' : dayTime.format(new Date(iso)))
/** @param {string | null} iso */
export const fullTime = (iso) => (iso === null ? '–' : full.format(new Date(iso)))
/** @param {string | null} iso */
export const dateOf = (iso) => (iso === null ? '–' : day.format(new Date(iso)))
/** @param {number} value */
export const count = (value) => whole.format(value)
/** @param {number} value */
export const short = (value) => (Math.abs(value) < 10_000 ? whole.format(value) : compact.format(value))
/** @param {number} bps */
export const percent = (bps) => `${(bps / 100).toFixed(bps % 100 === 0 ? 0 : 2)} %`
/** @param {number | null} ms */
export const milliseconds = (ms) =>
  ms === null ? '–' : ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`

const UNITS = /** @type {const} */ ([
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
])

/**
 * How long before another moment; stream time is not the clock on the wall, so both are given.
 * @param {string} iso
 * @param {string | null} nowIso
 */
export function ago(iso, nowIso) {
  if (nowIso === null) return ''
  const elapsedMs = Date.parse(nowIso) - Date.parse(iso)
  for (const [sizeMs, name] of UNITS) if (elapsedMs >= sizeMs) return `${Math.floor(elapsedMs / sizeMs)} ${name} ago`
  return 'just now'
}

/**
 * The moment that a flag is about, by which lists are ordered too. It may be later than that of its detection in stream
 * time: a SIM swap that is told of late raises a flag on a payment that was known before.
 * @param {{ windowEnd: string | null, detectedAt: string }} flag
 */
export const flagTime = ({ windowEnd, detectedAt }) => windowEnd ?? detectedAt

/** @param {string} code `first_payee-large` → `First payee large` */
export function words(code) {
  // Back and front office: abbreviations that every SACCO uses.
  const text = code
    .replace(/[._-]+/g, ' ')
    .replace(/\b[bf]osa\b/g, (name) => name.toUpperCase())
    .trim()
  return text === '' ? '' : text.charAt(0).toUpperCase() + text.slice(1)
}
