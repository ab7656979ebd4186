import { field, optional, record, type TypeOf } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'

/**
 * Bands of delinquency are configuration: the topic is the truth, `DEFAULT_DELINQUENCY_BANDS` only what a fresh
 * installation starts with.
 */
const topic = 'sacco.delinquency.bands'

const BAND = record('DelinquencyBand', 'A band of days past due.', [
  field('code', 'string', 'public', 'Short code.'),
  field('name', 'string', 'public', 'Name for people.'),
  field('days_from', 'int', 'public', 'First day past due of the band.'),
  optional('days_to', 'int', 'public', 'Last day past due of the band; null: without end.'),
  field('provision_bps', 'int', 'public', 'Provision on the outstanding principal, in basis points.'),
])
export type DelinquencyBand = TypeOf<typeof BAND>

export const delinquencyBandsChanged = defineEvent({
  type: 'delinquency.bands.changed',
  topic,
  name: 'DelinquencyBandsChanged',
  key: 'table_id',
  origin: 'ours',
  doc: 'A version of the table of delinquency bands.',
  data: [
    field('table_id', 'string', 'public', 'The table; one per institution, usually default.'),
    field('table_version', 'int', 'public', '1, 2, 3 … The highest version counts.'),
    field('effective_from', 'string', 'public', 'First day for which it counts, YYYY-MM-DD.'),
    field('source', 'string', 'public', 'Where the figures come from.'),
    field(
      'verified',
      'boolean',
      'public',
      'True only after the institution has checked the figures with its regulator.',
    ),
    field('bands', { type: 'array', items: BAND }, 'public', 'Without gaps and overlaps, from day 0 on.'),
  ],
})

export const DELINQUENCY_BAND_EVENTS = [delinquencyBandsChanged] as const

/**
 * NOT VERIFIED: the five classes are those of the SACCO Societies (Deposit-Taking) Regulations 2010; the days and
 * provisions are the commonly quoted ones, and other publications quote others (watch 30 to 90, substandard 91 to 180).
 * Whoever uses them must check them with the regulator and publish a table of their own with `verified: true`.
 */
export const DEFAULT_DELINQUENCY_BANDS: TypeOf<typeof delinquencyBandsChanged.data> = {
  table_id: 'default',
  table_version: 1,
  effective_from: '2010-01-01',
  source: 'Commonly quoted figures; not verified with the regulator. Configure your own.',
  verified: false,
  bands: [
    { code: 'performing', name: 'Performing', days_from: 0, days_to: 0, provision_bps: 100 },
    { code: 'watch', name: 'Watch', days_from: 1, days_to: 30, provision_bps: 500 },
    { code: 'substandard', name: 'Substandard', days_from: 31, days_to: 180, provision_bps: 2_500 },
    { code: 'doubtful', name: 'Doubtful', days_from: 181, days_to: 360, provision_bps: 5_000 },
    { code: 'loss', name: 'Loss', days_from: 361, days_to: null, provision_bps: 10_000 },
  ],
}

/** Says what is wrong with a table, or nothing if it covers every day from 0 on exactly once. */
export function problemOfBands(bands: readonly DelinquencyBand[]): string | undefined {
  if (bands.length === 0) return 'the table has no bands'
  let dayNext = 0
  const codes = new Set(bands.map(({ code }) => code))
  if (codes.size < bands.length || codes.has('')) return 'each band needs a code of its own'
  for (const [index, band] of bands.entries()) {
    if (band.days_from !== dayNext)
      return `band ${band.code} starts on day ${band.days_from}, but day ${dayNext} comes next`
    if (!Number.isInteger(band.provision_bps) || band.provision_bps < 0 || band.provision_bps > 10_000) {
      return `band ${band.code} has a provision of ${band.provision_bps} basis points; 0 to 10000 are possible`
    }
    const isLast = index === bands.length - 1
    if (band.days_to === null) return isLast ? undefined : `band ${band.code} has no end, but is not the last`
    if (!Number.isInteger(band.days_to) || band.days_to < band.days_from)
      return `band ${band.code} ends on day ${band.days_to}, before it starts`
    dayNext = band.days_to + 1
  }
  return 'the last band must have no end (days_to null)'
}

/** The band of a loan. The table is short and sorted; it must have passed `problemOfBands`. */
export function bandOf(bands: readonly DelinquencyBand[], daysPastDue: number): DelinquencyBand {
  const days = Math.max(0, daysPastDue)
  for (const band of bands) if (band.days_to === null || days <= band.days_to) return band
  throw new Error(`no band for ${daysPastDue} days past due: check the table with problemOfBands`)
}
