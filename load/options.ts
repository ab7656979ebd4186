import { assert } from '#streams/base'
import { DAY_MS, HOUR_MS, MINUTE_MS } from './calendar.ts'
import { FAMILIES, type Family } from './labels.ts'

export type Traffic =
  /** People's own rhythm over day, week, month and season; `factor` times as much of it. */
  | { readonly kind: 'calendar'; readonly factor: number }
  /** The same mix at a steady rate of records per simulated second: for simulated time that is real time. */
  | { readonly kind: 'steady'; readonly recordsPerSecond: number }

/** What goes wrong on the way, as a share of the records of live traffic. */
export type Flaws = {
  /** Published minutes to days after it happened. */
  readonly late: number
  /** Published up to a minute late, so that younger ones overtake it. */
  readonly outOfOrder: number
  /** The same record once more, with the same event id. */
  readonly duplicate: number
  /** Added records that must be refused; see `FLAWED_KINDS`. */
  readonly malformed: number
}

export type ScenarioRates = {
  /** Scenarios per simulated day and family, where `byFamily` names no other rate. */
  readonly fraudPerDay: number
  readonly benignPerDay: number
  readonly byFamily: Readonly<Partial<Record<Family, number>>>
}

export type EventOptions = {
  /** Of the traffic, not of the population: the same SACCO on another day. By default the SACCO's own seed. */
  readonly seed: number
  /** Live traffic ends here; what is under way is still published. */
  readonly untilMs: number
  readonly traffic: Traffic
  readonly flaws: Flaws
  readonly scenarios: ScenarioRates
  /** Waiting times inside scenarios times this: below 1 for short runs in real time. */
  readonly scenarioTimeScale: number
  /** Cash of this amount and above must be reported (about 15,000 US dollars). */
  readonly cashReportMinor: number
  /** Goes into `metadata.source`. */
  readonly source: string
  /** Goes before every event id, so that two runs of one SACCO do not look like duplicates of each other. */
  readonly run: string
}

export const EVENT_DEFAULTS = {
  untilMs: Number.POSITIVE_INFINITY,
  traffic: { kind: 'calendar', factor: 1 },
  flaws: { late: 0.01, outOfOrder: 0.01, duplicate: 0.01, malformed: 0.001 },
  scenarios: { fraudPerDay: 1, benignPerDay: 1, byFamily: {} },
  scenarioTimeScale: 1,
  cashReportMinor: 194_000_000,
  source: 'sacco-backend',
} as const

export const LATE_MIN_MS = 1 * MINUTE_MS
export const LATE_MAX_MS = 2 * DAY_MS
export const LATE_MEDIAN_MS = 30 * MINUTE_MS
export const OUT_OF_ORDER_MAX_MS = 1 * MINUTE_MS
export const DUPLICATE_DELAY_MAX_MS = 6 * HOUR_MS
/** From what happened to its publication, when nothing goes wrong. The same for all: it keeps them in order. */
export const PUBLISH_DELAY_MS = 120
/** How far back the records that are a year late lie. */
export const YEAR_LATE_MS = 370 * DAY_MS
/** Records that were made and wait for their time of publication. Reaching it means that a rate is absurd. */
export const RECORDS_PENDING_MAX = 2_000_000

export function completeOptions(
  given: Partial<Omit<EventOptions, 'flaws' | 'scenarios'>> & {
    readonly flaws?: Partial<Flaws>
    readonly scenarios?: Partial<ScenarioRates>
  },
  saccoSeed: number,
): EventOptions {
  const seed = given.seed ?? saccoSeed
  const options: EventOptions = {
    ...EVENT_DEFAULTS,
    run: `r${seed}`,
    ...given,
    seed,
    flaws: { ...EVENT_DEFAULTS.flaws, ...given.flaws },
    scenarios: { ...EVENT_DEFAULTS.scenarios, ...given.scenarios },
  }
  for (const [name, share] of Object.entries(options.flaws)) {
    assert(share >= 0 && share <= 0.5, `flaws.${name} is a share from 0 to 0.5, got ${share}`)
  }
  assert(options.scenarioTimeScale > 0 && options.scenarioTimeScale <= 1, 'scenarioTimeScale is above 0 and at most 1')
  for (const family of Object.keys(options.scenarios.byFamily)) {
    assert((FAMILIES as readonly string[]).includes(family), `there is no scenario family ${family}`)
  }
  return options
}
