import {
  type AccountId,
  createEvent,
  type DefinitionOf,
  type DeviceId,
  definitionOf,
  type EventId,
  type EventInput,
  type EventType,
  eventId,
  type LoanId,
  loanId,
  type PaymentId,
  paymentId,
  type SaccoEvent,
  type TransactionId,
  transactionId,
} from '#schemas'
import { assert } from '#streams/base'
import { DAY_MS } from './calendar.ts'
import type { EventOptions } from './options.ts'
import type { Member, Sacco, Segment } from './population.ts'
import { SEGMENTS } from './population.ts'
import type { Publisher } from './publisher.ts'
import { createRandom, type Random, subSeed } from './random.ts'
import { createTimeHeap, type TimeHeap } from './time-heap.ts'

/** An account as it is now. Amounts are minor units of KES. */
export type Account = { readonly id: AccountId; readonly person: Person; balanceMinor: number; heldMinor: number }

/** A member as he or she is now: what changes over time lies here, the rest in `member`. */
export type Person = {
  readonly member: Member
  phone: string
  device: DeviceId | undefined
  readonly fosa: Account
  readonly bosa: Account
  readonly shares: Account
  readonly loans: Loan[]
  /** Usual receivers outside: paying them is nothing new. */
  readonly payees: string[]
  /** Plays a part in a scenario until then: no other scenario takes this person. */
  reservedUntilMs: number
  /** Does nothing of its own accord until then. */
  quietUntilMs: number
  transactionCount: number
}

export type Loan = {
  readonly id: LoanId
  readonly borrower: Person
  readonly product: LoanProduct
  readonly principalMinor: number
  readonly instalments: readonly Instalment[]
  readonly guarantors: readonly Guarantor[]
  readonly habit: RepaymentHabit
  outstandingMinor: number
  paidCount: number
  status: 'open' | 'closed'
}
export type LoanProduct = 'development' | 'emergency' | 'school_fees' | 'mobile' | 'salary_advance'
export type Guarantor = { readonly person: Person; readonly amountMinor: number; readonly guaranteeId: string }
export type Instalment = {
  readonly number: number
  readonly dueMs: number
  readonly principalMinor: number
  readonly interestMinor: number
}
/** In ordinary life everybody pays the first instalment on time; `defaulting` stops after two, `never` is fraud. */
export type RepaymentHabit = 'punctual' | 'late' | 'delinquent' | 'defaulting' | 'never'

/** What somebody does, step by step: ordinary life has one flow for all, a scenario has its own and keeps the ids. */
export type Flow = {
  after(delayMs: number, run: () => void): void
  /** At a moment that the calendar gives (office hours, nights): never scaled, unlike `after`. */
  on(timeMs: number, run: () => void): void
  note(id: EventId): void
}

export type Payment = {
  readonly id: PaymentId
  readonly transaction: TransactionId
  readonly person: Person
  readonly direction: 'inbound' | 'outbound'
  readonly amountMinor: number
  readonly receipt: string
}
const PAYMENTS_RECENT_MAX = 64

/** Keeps a payment in the place of the oldest. */
export function rememberPayment(world: World, payment: Payment): void {
  if (world.paymentsRecent.length >= PAYMENTS_RECENT_MAX) world.paymentsRecent.shift()
  world.paymentsRecent.push(payment)
}

/**
 * The SACCO while it lives: what people own and owe, what time it is, what is going to happen. All that is published
 * comes out of `emit`, at `nowMs`; whoever emits money moves it in the accounts in the same step.
 */
export type World = {
  readonly sacco: Sacco
  readonly options: EventOptions
  readonly random: Random
  readonly persons: Person[]
  readonly bySegment: Readonly<Record<Segment, Person[]>>
  /** The flow of ordinary life. */
  readonly life: Flow
  readonly agenda: TimeHeap<() => void>
  /** The last payments that providers confirmed, for the evening's reconciliation. */
  readonly paymentsRecent: Payment[]
  nowMs: number
  phase: 'opening' | 'live'
  emitted: number
  emit<Type extends EventType>(
    flow: Flow,
    type: Type,
    data: EventInput<DefinitionOf<Type>>['data'],
    userId?: string,
  ): EventId
  at(timeMs: number, run: () => void): void
  newTransactionId(): TransactionId
  newPaymentId(): PaymentId
  newLoanId(): LoanId
  /** A text that no other has, for references of other systems. */
  newReference(prefix: string): string
  /** An M-Pesa receipt: ten capital letters and digits. */
  newReceipt(): string
}

/** No more things are planned at once than these: a loan plans one repayment, a payment its answer. */
const AGENDA_MAX = 5_000_000
const RECEIPT_DIGITS = 36 ** 8

export function createWorld(sacco: Sacco, options: EventOptions, publisher: Publisher): World {
  const { run, source } = options
  const agenda = createTimeHeap<() => void>()
  const persons: Person[] = []
  const bySegment = Object.fromEntries(SEGMENTS.map((segment) => [segment, []])) as unknown as World['bySegment']
  let idCount = 0
  let receiptCount = Math.abs(options.seed * 7_919) % 1_000_000
  const next = () => `${run}-${(idCount++).toString(36)}`
  const world: World = {
    sacco,
    options,
    random: createRandom(subSeed(options.seed, 'world')),
    persons,
    bySegment,
    agenda,
    paymentsRecent: [],
    life: {
      after: (delayMs, action) => world.at(world.nowMs + delayMs, action),
      on: (timeMs, action) => world.at(timeMs, action),
      note: () => undefined,
    },
    nowMs: sacco.options.startMs - Math.ceil((sacco.options.dormantDays + 1) * DAY_MS),
    phase: 'opening',
    emitted: 0,
    emit(flow, type, data, userId) {
      const id = eventId(`${run}-e${(world.emitted++).toString(36)}`)
      const input = { event_id: id, timestamp: world.nowMs, data, metadata: { source, user_id: userId ?? null } }
      const event = createEvent(type as EventType, input as never) as SaccoEvent
      flow.note(id)
      publisher.publish(event, definitionOf(type as EventType).topic, world.nowMs, world.phase)
      return id
    },
    at(timeMs, action) {
      assert(timeMs >= world.nowMs, `nothing can be planned for the past: ${timeMs} before ${world.nowMs}`)
      assert(agenda.count < AGENDA_MAX, `${AGENDA_MAX} things are planned at once: lower the traffic`)
      agenda.push(Math.round(timeMs), action)
    },
    newTransactionId: () => transactionId(`T${next()}`),
    newPaymentId: () => paymentId(`P${next()}`),
    newLoanId: () => loanId(`L${next()}`),
    newReference: (prefix) => `${prefix}${next()}`,
    newReceipt() {
      // Scrambled, so that receipts do not look like a counter: the factor has no common divisor with 36^8.
      const digits = Number((BigInt(receiptCount++) * 1_000_000_007n) % BigInt(RECEIPT_DIGITS))
      return `SL${digits.toString(36).padStart(8, '0')}`.toUpperCase()
    },
  }
  for (const member of sacco.members) addPerson(world, member)
  return world
}

export function addPerson(world: World, member: Member): Person {
  const person = {
    member,
    phone: member.phone,
    device: member.device,
    loans: [],
    payees: [],
    reservedUntilMs: 0,
    quietUntilMs: member.isDormant ? Number.POSITIVE_INFINITY : member.openedAtMs,
    transactionCount: 0,
  } as unknown as Person
  const account = (id: AccountId): Account => ({ id, person, balanceMinor: 0, heldMinor: 0 })
  Object.assign(person, { fosa: account(member.fosa), bosa: account(member.bosa), shares: account(member.shares) })
  world.persons.push(person)
  world.bySegment[member.segment].push(person)
  return person
}

export const availableOf = (account: Account): number => account.balanceMinor - account.heldMinor

/** Money of the world moves only here: a balance below zero, or one that is no whole number, is a bug of the model. */
export function move(account: Account, amountMinor: number): void {
  account.balanceMinor += amountMinor
  assert(
    Number.isSafeInteger(account.balanceMinor) && account.balanceMinor >= 0,
    `account ${account.id} would have ${account.balanceMinor}`,
  )
}

export function hold(account: Account, amountMinor: number): void {
  account.heldMinor += amountMinor
  assert(
    account.heldMinor >= 0 && account.heldMinor <= account.balanceMinor,
    `account ${account.id} would hold ${account.heldMinor} of ${account.balanceMinor}`,
  )
}

const PICK_ATTEMPTS_MAX = 400

/** Somebody whom no scenario has yet and who fits; reserved from now on. Undefined if luck finds none. */
export function reservePerson(
  world: World,
  untilMs: number,
  fits: (person: Person) => boolean = isAlive,
): Person | undefined {
  for (let attempt = 0; attempt < PICK_ATTEMPTS_MAX; attempt++) {
    const person = world.random.pick(world.persons)
    if (person.reservedUntilMs > world.nowMs || !fits(person)) continue
    person.reservedUntilMs = untilMs
    return person
  }
  return undefined
}

/** An ordinary member, not of the staff and not dormant. */
export const isAlive = (person: Person): boolean => !person.member.isDormant && person.member.staff === undefined
