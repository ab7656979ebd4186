import { field, id, openEnumeration, optional } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import { amountField, CHANNEL, currencyField } from './common.ts'

/**
 * What payment providers said: `sacco.payment.events`. Keyed by payment, because money may come in that fits no member.
 */
const topic = 'sacco.payment.events'

const PAYMENT_HEAD = [
  field('payment_id', id('payment-id'), 'internal', 'The payment.'),
  optional('member_id', id('member-id'), 'internal', 'The member; null for a payment that fits nobody.'),
  optional(
    'transaction_id',
    id('transaction-id'),
    'internal',
    'The movement that it belongs to; null if nothing asked for it.',
  ),
  field(
    'direction',
    openEnumeration('PaymentDirection', 'Which way.', ['inbound', 'outbound', 'unknown'], 'unknown'),
    'internal',
    'Inbound: to the SACCO.',
  ),
  field('channel', CHANNEL, 'internal', 'Through whom.'),
] as const

const MPESA = [
  optional('merchant_request_id', 'string', 'internal', 'M-Pesa MerchantRequestID.'),
  optional('checkout_request_id', 'string', 'internal', 'M-Pesa CheckoutRequestID: ties callback to request.'),
] as const

export const paymentProcessed = defineEvent({
  type: 'payment.processed',
  topic,
  name: 'PaymentProcessed',
  key: 'payment_id',
  origin: 'document',
  doc: 'A provider confirmed a payment.',
  data: [
    ...PAYMENT_HEAD,
    amountField,
    optional('requested_minor', 'long', 'internal', 'What had been asked for, in minor units; null if nothing had.'),
    currencyField,
    ...MPESA,
    optional('mpesa_receipt', 'string', 'pii', 'M-Pesa receipt number: the same one twice is a replay.'),
    optional('phone', 'string', 'pii', 'Phone number that paid or was paid.'),
    field('processed_at', 'string', 'internal', 'When by the clock of the provider, ISO format in UTC.'),
  ],
})

export const paymentFailed = defineEvent({
  type: 'payment.failed',
  topic,
  name: 'PaymentFailed',
  key: 'payment_id',
  origin: 'document',
  doc: 'A payment did not happen.',
  data: [
    ...PAYMENT_HEAD,
    amountField,
    currencyField,
    ...MPESA,
    optional('phone', 'string', 'pii', 'Phone number concerned.'),
    field('result_code', 'string', 'internal', 'Code of the provider (M-Pesa 1032: cancelled by the user).'),
    field('result_description', 'string', 'internal', 'Text of the provider.'),
    field('failed_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const paymentReconciled = defineEvent({
  type: 'payment.reconciled',
  topic,
  name: 'PaymentReconciled',
  key: 'payment_id',
  origin: 'document',
  doc: "The provider's statement was compared with our books.",
  data: [
    ...PAYMENT_HEAD,
    field(
      'outcome',
      openEnumeration(
        'ReconciliationOutcome',
        'How it came out.',
        ['matched', 'amount_differs', 'missing_in_ledger', 'missing_at_provider', 'other'],
        'other',
      ),
      'internal',
      'How it came out.',
    ),
    field('ledger_minor', 'long', 'internal', 'By our books, in minor units.'),
    field('provider_minor', 'long', 'internal', 'By the statement, in minor units.'),
    currencyField,
    optional('mpesa_receipt', 'string', 'pii', 'M-Pesa receipt number.'),
    field('reconciled_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const PAYMENT_EVENTS = [paymentProcessed, paymentFailed, paymentReconciled] as const
