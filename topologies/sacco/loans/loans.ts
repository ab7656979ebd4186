import { definitionOf, type EventOf, type LoanEvent } from '#schemas'
import {
  type FixedKeyProcessorContext,
  type FixedKeyProcessorSupplier,
  type KeyValueStore,
  NO_HEADERS,
  type StreamRecord,
} from '#streams'
import { GUARANTEES_PER_MEMBER_MAX, LOANS_PER_MEMBER_MAX } from '../shared/limits.ts'
import type { Activity, LoanAged, MemberSignal } from '../shared/signals.ts'
import { DAY_MS, dateOfDay, dayNumberOf, EAST_AFRICA_OFFSET_MS, isoOf } from '../shared/time.ts'
import type { BandBook } from './band-book.ts'
import { agedTo, nextLoan } from './loan-state.ts'
import { updatePortfolio } from './portfolio.ts'
import type { GuarantorExposure, LoanState, LoanStores, LoanSummary, MemberLoans, PortfolioTotal } from './stores.ts'

export const LOANS_SOURCE = 'mto-loans'
export type LoanOutput = EventOf<'loan.delinquent'> | LoanAged
/** After so many days nobody needs to be told again that nothing was ever paid. */
const NEVER_PAID_DAYS_MAX = 45

/**
 * Keeps loans, portfolio and guarantees. A loan ages without events of its own: once a day of stream time every running
 * loan is looked at. Forwards `loan.delinquent` when a loan moves into another band.
 */
export function keepLoans(
  stores: LoanStores,
  bands: BandBook,
): FixedKeyProcessorSupplier<string, Activity, LoanOutput> {
  const { loans, byMember, portfolio, exposure } = stores
  return { stores: [loans, byMember, portfolio, exposure], get: () => new LoanKeeper(stores, bands) }
}

class LoanKeeper {
  readonly #stores: LoanStores
  readonly #bands: BandBook
  #context!: FixedKeyProcessorContext<string, LoanOutput>
  #loans!: KeyValueStore<string, LoanState>
  #byMember!: KeyValueStore<string, MemberLoans>
  #portfolio!: KeyValueStore<string, PortfolioTotal>
  #exposure!: KeyValueStore<string, GuarantorExposure>
  /** Up to when all loans are aged: follows stream time, which a restart keeps, so it is no state of its own. */
  #agedMs = 0
  #today = 0
  /** Of the table of bands by which all loans were classified last. */
  #generation = 0

  constructor(stores: LoanStores, bands: BandBook) {
    this.#stores = stores
    this.#bands = bands
  }

  init(context: FixedKeyProcessorContext<string, LoanOutput>): void {
    this.#context = context
    this.#loans = context.store(this.#stores.loans)
    this.#byMember = context.store(this.#stores.byMember)
    this.#portfolio = context.store(this.#stores.portfolio)
    this.#exposure = context.store(this.#stores.exposure)
    this.#agedMs = Math.max(0, context.currentStreamTimeMs())
    this.#today = this.#agedMs === 0 ? 0 : dayNumberOf(this.#agedMs)
    const startTimeMs = DAY_MS - EAST_AFRICA_OFFSET_MS
    context.schedule({ intervalMs: DAY_MS, type: 'stream-time', startTimeMs }, (timeMs) => this.#ageAll(timeMs))
  }

  process({ key, value, timestampMs }: StreamRecord<string, Activity>): void {
    if (value.event_type === 'member.signal') {
      this.#keepExposure(key, value.signal, timestampMs)
      return
    }
    if (value.event_type === 'loan.aged' || definitionOf(value.event_type).topic !== 'sacco.loan.events') return
    // Bands that changed, or may have changed while this task was closed: as of the last ageing, so that a restart with
    // the same bands changes nothing.
    if (this.#bands.generation !== this.#generation) this.#ageAll(this.#agedMs)
    const event = value as LoanEvent
    const before = this.#loans.get(event.data.loan_id)
    const next = nextLoan(before, event, timestampMs)
    if (next === undefined || next === before) return
    const today = Math.max(this.#today, dayNumberOf(timestampMs))
    this.#save(before, agedTo(next, today, this.#bands), timestampMs)
  }

  #ageAll(timeMs: number): void {
    this.#agedMs = timeMs
    this.#today = dayNumberOf(timeMs)
    this.#generation = this.#bands.generation
    for (const { value: loan } of [...this.#loans.all()]) {
      if (loan.status !== 'active') continue
      const aged = agedTo(loan, this.#today, this.#bands)
      if (aged !== loan) this.#save(loan, aged, timeMs)
    }
  }

  #save(before: LoanState | undefined, after: LoanState, timestampMs: number): void {
    this.#loans.put(after.loan_id, after)
    updatePortfolio(this.#portfolio, before, after)
    const loans = this.#byMember.get(after.member_id)?.loans ?? []
    this.#byMember.put(after.member_id, { loans: withSummary(loans, after, timestampMs) })
    if (after.repayments === 0 && after.days_past_due > 0 && after.days_past_due <= NEVER_PAID_DAYS_MAX) {
      const aged: LoanAged = { event_type: 'loan.aged', loan: after }
      this.#context.forward({ key: after.member_id, value: aged, timestampMs, headers: NO_HEADERS })
    }
    const isFirstBand = (before === undefined || before.band === '') && after.days_past_due === 0
    if (after.band === '' || after.band === before?.band || isFirstBand) return
    const value = delinquent(before, after, this.#bands.version, timestampMs)
    this.#context.forward({ key: after.member_id, value, timestampMs, headers: NO_HEADERS })
  }

  #keepExposure(guarantor: string, signal: MemberSignal, timestampMs: number): void {
    if (signal.kind !== 'guarantee_pledged' && signal.kind !== 'guarantee_released') return
    const before = this.#exposure.get(guarantor)
    const others = (before?.guarantees ?? []).filter(({ loan_id }) => loan_id !== signal.loan_id)
    const guarantees =
      signal.kind === 'guarantee_released'
        ? others
        : [...others, guaranteeOf(signal, timestampMs)].slice(-GUARANTEES_PER_MEMBER_MAX)
    this.#exposure.put(guarantor, {
      total_minor: guarantees.reduce((sum, { amount_minor }) => sum + amount_minor, 0),
      deposits_minor: signal.deposits_minor || (before?.deposits_minor ?? 0),
      guarantees,
    })
  }
}

function guaranteeOf(signal: MemberSignal, timestampMs: number): GuarantorExposure['guarantees'][number] {
  const { loan_id, member_id, amount_minor, event_id } = signal
  return { loan_id, borrower_id: member_id, amount_minor, event_id, pledged_ms: timestampMs }
}

function withSummary(loans: readonly LoanSummary[], loan: LoanState, timestampMs: number): readonly LoanSummary[] {
  const known = loans.find(({ loan_id }) => loan_id === loan.loan_id)
  const summary: LoanSummary = {
    loan_id: loan.loan_id,
    product: loan.product,
    status: loan.status,
    principal_minor: loan.principal_minor,
    outstanding_minor: loan.outstanding_minor,
    days_past_due: loan.days_past_due,
    band: loan.band,
    arrears_minor: loan.arrears_minor,
    restructures: loan.restructures,
    opened_ms: known?.opened_ms ?? timestampMs,
  }
  if (known !== undefined) return loans.map((each) => (each === known ? summary : each))
  const all = [...loans, summary]
  if (all.length <= LOANS_PER_MEMBER_MAX) return all
  const oldest = all.findIndex(({ status }) => status !== 'active')
  return all.filter((_, index) => index !== Math.max(0, oldest))
}

function delinquent(
  before: LoanState | undefined,
  loan: LoanState,
  tableVersion: number,
  timestampMs: number,
): EventOf<'loan.delinquent'> {
  type Data = EventOf<'loan.delinquent'>['data']
  const asOf = dateOfDay(loan.as_of_day)
  return {
    // The same loan in the same band on the same day is the same event.
    event_id: `DLQ-${loan.loan_id}-${asOf}-${loan.band}` as EventOf<'loan.delinquent'>['event_id'],
    event_type: 'loan.delinquent',
    timestamp: isoOf(timestampMs),
    version: '1.0',
    data: {
      loan_id: loan.loan_id as Data['loan_id'],
      member_id: loan.member_id as Data['member_id'],
      days_past_due: loan.days_past_due,
      band: loan.band,
      band_before: before === undefined || before.band === '' ? null : before.band,
      band_table_version: tableVersion,
      arrears_minor: loan.arrears_minor,
      outstanding_principal_minor: loan.outstanding_minor,
      currency: loan.currency as Data['currency'],
      as_of: asOf,
    },
    metadata: { source: LOANS_SOURCE, correlation_id: null, user_id: null },
  }
}
