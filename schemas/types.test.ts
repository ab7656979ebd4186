import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  type AccountId,
  accountId,
  type Currency,
  createEvent,
  definitionOf,
  type EventOf,
  eventId,
  keyOfEvent,
  type LoanEvent,
  type MemberId,
  memberId,
  type TransactionEvent,
  transactionId,
} from './index.ts'

describe('types derived from the schemas', () => {
  test('ids are branded, enums are unions, nullable fields are null or the type', () => {
    type Deposit = EventOf<'deposit.completed'>
    expectTypeOf<Deposit['event_type']>().toEqualTypeOf<'deposit.completed'>()
    expectTypeOf<Deposit['data']['member_id']>().toEqualTypeOf<MemberId>()
    expectTypeOf<Deposit['data']['currency']>().toEqualTypeOf<Currency>()
    expectTypeOf<Deposit['data']['amount_minor']>().toEqualTypeOf<number>()
    expectTypeOf<Deposit['data']['mpesa_receipt']>().toEqualTypeOf<string | null>()
    expectTypeOf<NonNullable<Deposit['data']['counterparty']>['account_id']>().toEqualTypeOf<AccountId | null>()
    expectTypeOf<Deposit['metadata']['user_id']>().toEqualTypeOf<string | null>()
    expectTypeOf<EventOf<'loan.disbursed'>['data']['terms']['method']>().toEqualTypeOf<'reducing_balance' | 'flat'>()
  })

  test('a topic is a discriminated union', () => {
    const minorUnits = (event: TransactionEvent): number => {
      switch (event.event_type) {
        case 'deposit.completed':
          return event.data.amount_minor
        case 'withdrawal.processed':
          return -event.data.amount_minor - event.data.fee_minor
        default:
          return 0
      }
    }
    expect(minorUnits(deposit())).toBe(5_000)
    expectTypeOf<LoanEvent['event_type']>().extract<'loan.approved'>().toEqualTypeOf<'loan.approved'>()
    expectTypeOf<LoanEvent['event_type']>().extract<'deposit.completed'>().toEqualTypeOf<never>()
  })

  test('a wrong value does not compile', () => {
    // @ts-expect-error a loan's id is not a member's
    const wrong: EventOf<'deposit.completed'>['data']['member_id'] = transactionId('t')
    expect(wrong).toBe('t')
    expect(() => definitionOf('deposit.imagined')).toThrow('there is no event type "deposit.imagined"')
  })
})

const deposit = (): EventOf<'deposit.completed'> =>
  createEvent('deposit.completed', {
    event_id: eventId('e-1'),
    timestamp: 1_700_000_000_000,
    data: {
      transaction_id: transactionId('t-1'),
      member_id: memberId('m-1'),
      account_id: accountId('a-1'),
      amount_minor: 5_000,
      currency: 'KES',
      origin: { channel: 'mpesa', initiated_by: 'member' },
      control: {},
      occurred_at: '2023-11-14T22:13:20.000Z',
    },
    metadata: { source: 'test' },
  })

describe('createEvent', () => {
  test('fills in envelope and defaults, in the order of the schema', () => {
    const event = deposit()
    expect(event).toMatchObject({
      event_type: 'deposit.completed',
      timestamp: '2023-11-14T22:13:20.000Z',
      version: '1.0',
    })
    expect(Object.keys(event.data)).toEqual(definitionOf('deposit.completed').data.fields.map((field) => field.name))
    expect(event.data.origin.device_id).toBeNull()
    expect(event.data.control).toEqual({ maker_id: null, checker_id: null, approved_at: null })
    expect(event.metadata).toEqual({ source: 'test', correlation_id: null, user_id: null })
    expect(keyOfEvent(event)).toBe('m-1')
  })
})
