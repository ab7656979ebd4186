import type { DefinitionOf, EmployerId, EventId, EventInput, EventType, TransactionId } from '#schemas'
import { isoOf, SECOND_MS } from './calendar.ts'
import { originMpesa, originTeller } from './origins.ts'
import type { Staff } from './population.ts'
import { type Account, availableOf, type Flow, hold, move, rememberPayment, type World } from './world.ts'

/** How money comes, goes and moves: each function emits the events and keeps the accounts of the world in step. */

type DataOf<Type extends EventType> = EventInput<DefinitionOf<Type>>['data']
export type OriginInput = DataOf<'deposit.completed'>['origin']
export type ControlInput = DataOf<'deposit.completed'>['control']
export type CounterpartyInput = NonNullable<DataOf<'deposit.completed'>['counterparty']>

export const KES = 100
export const shillings = (amountMinor: number): number => Math.floor(amountMinor / KES) * KES
/** To whole tens of shillings, as people pay. */
export const roundTens = (amountMinor: number): number => Math.max(5_000, Math.round(amountMinor / 1_000) * 1_000)

/** Limits of M-Pesa and of the counter, in minor units. */
export const MPESA_MAX_MINOR = 25_000_000
export const TELLER_LIMIT_MINOR = 10_000_000

/** Tariff of the SACCO for M-Pesa withdrawals. */
const mpesaFee = (amountMinor: number): number =>
  amountMinor <= 100_000 ? 1_500 : amountMinor <= 1_000_000 ? 3_000 : amountMinor <= 5_000_000 ? 6_000 : 10_800
const TRANSFER_FEE_MINOR = 500

export type Credit = {
  readonly flow: Flow
  readonly account: Account
  readonly amountMinor: number
  readonly origin: OriginInput
  readonly control?: ControlInput
  readonly counterparty?: CounterpartyInput
  readonly receipt?: string
  readonly employer?: EmployerId
  readonly valueDate?: string
  readonly transaction?: TransactionId
}

export type Posted = { readonly event: EventId; readonly transaction: TransactionId }

/** Money is there at once: cash, salaries, what a bank sends. */
export function credit(world: World, input: Credit): Posted {
  const { account } = input
  const transaction = input.transaction ?? world.newTransactionId()
  move(account, input.amountMinor)
  account.person.transactionCount++
  const event = world.emit(input.flow, 'deposit.completed', {
    transaction_id: transaction,
    member_id: account.person.member.id,
    account_id: account.id,
    amount_minor: input.amountMinor,
    currency: 'KES',
    origin: input.origin,
    control: input.control ?? {},
    counterparty: input.counterparty ?? null,
    mpesa_receipt: input.receipt ?? null,
    balance_after_minor: account.balanceMinor,
    value_date: input.valueDate ?? null,
    employer_id: input.employer ?? null,
    occurred_at: isoOf(world.nowMs),
  })
  return { event, transaction }
}

export function depositCash(world: World, flow: Flow, account: Account, amountMinor: number, teller: Staff): Posted {
  const needsChecker = amountMinor > TELLER_LIMIT_MINOR
  return credit(world, {
    flow,
    account,
    amountMinor,
    origin: originTeller(teller),
    control: {
      maker_id: teller.id,
      checker_id: needsChecker ? teller.branch.manager.id : null,
      approved_at: needsChecker ? isoOf(world.nowMs) : null,
    },
  })
}

export type MpesaDeposit = {
  readonly flow: Flow
  readonly account: Account
  readonly amountMinor: number
  /** Who pays, if not the member. */
  readonly payerPhone?: string
  readonly fails?: boolean
  /** What M-Pesa really confirms, where that differs (fraud). */
  readonly paidMinor?: number
  /** A receipt that has been used before (fraud). */
  readonly receipt?: string
  readonly delayMs?: number
}

/** STK push, answer of the provider, money: or a failure. Gives the receipt that a success will have. */
export function depositByMpesa(world: World, input: MpesaDeposit): string {
  const { flow, account, amountMinor } = input
  const { person } = account
  const phone = input.payerPhone ?? person.phone
  const transaction = world.newTransactionId()
  const checkout = world.newReference('ws_CO_')
  const receipt = input.receipt ?? world.newReceipt()
  const isThirdParty = phone !== person.phone
  const origin: OriginInput = isThirdParty
    ? { channel: 'mpesa', initiated_by: 'third_party', phone }
    : originMpesa(person)
  world.emit(flow, 'deposit.initiated', {
    transaction_id: transaction,
    member_id: person.member.id,
    account_id: account.id,
    amount_minor: amountMinor,
    currency: 'KES',
    origin,
    counterparty: isThirdParty ? { phone } : null,
    checkout_request_id: checkout,
    occurred_at: isoOf(world.nowMs),
  })
  const fails = input.fails ?? world.random.chance(0.05)
  flow.after(input.delayMs ?? world.random.whole(4, 35) * SECOND_MS, () => {
    const head = {
      payment_id: world.newPaymentId(),
      member_id: person.member.id,
      transaction_id: transaction,
      direction: 'inbound',
      channel: 'mpesa',
      amount_minor: input.paidMinor ?? amountMinor,
      currency: 'KES',
      merchant_request_id: world.newReference(''),
      checkout_request_id: checkout,
      phone,
    } as const
    if (fails) {
      const [code, text] = world.random.pick(FAILURES)
      const at = { result_code: code, result_description: text, failed_at: isoOf(world.nowMs) }
      world.emit(flow, 'payment.failed', { ...head, ...at })
      return
    }
    const at = { requested_minor: amountMinor, mpesa_receipt: receipt, processed_at: isoOf(world.nowMs) }
    world.emit(flow, 'payment.processed', { ...head, ...at })
    const { payment_id: id, amount_minor: paidMinor } = head
    if (paidMinor === amountMinor && input.receipt === undefined) {
      rememberPayment(world, { id, transaction, person, direction: 'inbound', amountMinor, receipt })
    }
    credit(world, {
      flow,
      account,
      amountMinor,
      origin,
      receipt,
      transaction,
      ...(isThirdParty ? { counterparty: { phone } } : {}),
    })
  })
  return receipt
}

const FAILURES = [
  ['1032', 'Request cancelled by user'],
  ['1037', 'DS timeout user cannot be reached'],
  ['1', 'The balance is insufficient for the transaction'],
  ['2001', 'The initiator information is invalid'],
] as const

export type Withdrawal = {
  readonly flow: Flow
  readonly account: Account
  readonly amountMinor: number
  readonly origin: OriginInput
  readonly control?: ControlInput
  /** Phone that is paid; none for cash. */
  readonly toPhone?: string
  /** Emits a rejection instead, for this reason. */
  readonly rejectedFor?: string
  readonly delayMs?: number
  readonly onPaid?: (posted: Posted) => void
}

/** Request, hold, payment. False (and nothing happens) if the account does not have it. */
export function withdraw(world: World, input: Withdrawal): boolean {
  const { flow, account, amountMinor, origin } = input
  const feeMinor = input.toPhone === undefined ? 0 : mpesaFee(amountMinor)
  if (amountMinor <= 0 || availableOf(account) < amountMinor + feeMinor) return false
  const { person } = account
  const transaction = world.newTransactionId()
  const counterparty = input.toPhone === undefined ? null : { phone: input.toPhone }
  hold(account, amountMinor)
  person.transactionCount++
  const head = {
    transaction_id: transaction,
    member_id: person.member.id,
    account_id: account.id,
    amount_minor: amountMinor,
    currency: 'KES',
  } as const
  const how = { origin, control: input.control ?? {}, counterparty } as const
  world.emit(flow, 'withdrawal.requested', { ...head, ...how, occurred_at: isoOf(world.nowMs) })
  flow.after(input.delayMs ?? world.random.whole(3, 25) * SECOND_MS, () => {
    hold(account, -amountMinor)
    if (input.rejectedFor !== undefined) {
      world.emit(flow, 'withdrawal.rejected', { ...head, reason: input.rejectedFor, occurred_at: isoOf(world.nowMs) })
      return
    }
    // What was not held may have been spent meanwhile: then the fee is waived.
    const fee = availableOf(account) >= amountMinor + feeMinor ? feeMinor : 0
    const receipt = input.toPhone === undefined ? null : world.newReceipt()
    if (receipt !== null) payOut(world, input, transaction, receipt)
    move(account, -amountMinor - fee)
    const event = world.emit(flow, 'withdrawal.processed', {
      ...head,
      ...how,
      fee_minor: fee,
      mpesa_receipt: receipt,
      balance_after_minor: account.balanceMinor,
      occurred_at: isoOf(world.nowMs),
    })
    input.onPaid?.({ event, transaction })
  })
  return true
}

function payOut(world: World, input: Withdrawal, transaction: TransactionId, receipt: string): void {
  world.emit(input.flow, 'payment.processed', {
    payment_id: world.newPaymentId(),
    member_id: input.account.person.member.id,
    transaction_id: transaction,
    direction: 'outbound',
    channel: 'mpesa',
    amount_minor: input.amountMinor,
    requested_minor: input.amountMinor,
    currency: 'KES',
    mpesa_receipt: receipt,
    phone: input.toPhone ?? null,
    processed_at: isoOf(world.nowMs),
  })
}

/** Between two accounts of the SACCO, at once. False (and nothing happens) if the sender does not have it. */
export function transfer(
  world: World,
  input: {
    readonly flow: Flow
    readonly from: Account
    readonly to: Account
    readonly amountMinor: number
    readonly origin: OriginInput
  },
): boolean {
  const { flow, from, to, amountMinor, origin } = input
  const feeMinor = from.person === to.person ? 0 : TRANSFER_FEE_MINOR
  if (amountMinor <= 0 || availableOf(from) < amountMinor + feeMinor) return false
  move(from, -amountMinor - feeMinor)
  move(to, amountMinor)
  from.person.transactionCount++
  world.emit(flow, 'transfer.executed', {
    transaction_id: world.newTransactionId(),
    member_id: from.person.member.id,
    account_id: from.id,
    to_member_id: to.person.member.id,
    to_account_id: to.id,
    amount_minor: amountMinor,
    fee_minor: feeMinor,
    currency: 'KES',
    origin,
    control: {},
    balance_after_minor: from.balanceMinor,
    occurred_at: isoOf(world.nowMs),
  })
  return true
}

/** Puts a withdrawal back on the account: the payment is said to have failed. */
export function reverseWithdrawal(
  world: World,
  input: {
    readonly flow: Flow
    readonly account: Account
    readonly posted: Posted
    readonly amountMinor: number
    readonly reason: string
    readonly staff: Staff
    readonly checker?: Staff
  },
): void {
  const { flow, account, posted, amountMinor, staff } = input
  move(account, amountMinor)
  world.emit(
    flow,
    'transaction.reversed',
    {
      transaction_id: world.newTransactionId(),
      member_id: account.person.member.id,
      account_id: account.id,
      original_transaction_id: posted.transaction,
      original_event_id: posted.event,
      original_event_type: 'withdrawal.processed',
      amount_minor: amountMinor,
      currency: 'KES',
      reason: input.reason,
      origin: { channel: 'internal', initiated_by: 'staff', branch_id: staff.branch.id },
      control: {
        maker_id: staff.id,
        checker_id: input.checker?.id ?? null,
        approved_at: input.checker ? isoOf(world.nowMs) : null,
      },
      occurred_at: isoOf(world.nowMs),
    },
    staff.id,
  )
}

export function adjust(
  world: World,
  input: {
    readonly flow: Flow
    readonly account: Account
    readonly direction: 'credit' | 'debit'
    readonly amountMinor: number
    readonly reason: string
    readonly maker: Staff
    readonly checker: Staff
  },
): void {
  const { flow, account, direction, amountMinor, maker, checker } = input
  move(account, direction === 'credit' ? amountMinor : -amountMinor)
  world.emit(
    flow,
    'adjustment.posted',
    {
      transaction_id: world.newTransactionId(),
      member_id: account.person.member.id,
      account_id: account.id,
      direction,
      amount_minor: amountMinor,
      currency: 'KES',
      reason: input.reason,
      origin: { channel: 'internal', initiated_by: 'staff', branch_id: maker.branch.id, teller_id: maker.id },
      control: { maker_id: maker.id, checker_id: checker.id, approved_at: isoOf(world.nowMs) },
      occurred_at: isoOf(world.nowMs),
    },
    maker.id,
  )
}

export function chargeFee(world: World, flow: Flow, account: Account, amountMinor: number, fee: string): void {
  if (availableOf(account) < amountMinor) return
  move(account, -amountMinor)
  world.emit(flow, 'fee.charged', {
    transaction_id: world.newTransactionId(),
    member_id: account.person.member.id,
    account_id: account.id,
    amount_minor: amountMinor,
    currency: 'KES',
    fee,
    occurred_at: isoOf(world.nowMs),
  })
}
