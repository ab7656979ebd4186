import {
  createRecordSerde,
  field,
  list,
  optional,
  type RegisteredSchemas,
  record,
  recordDefinition,
  type TypeOf,
} from '#schemas'
import { keyValueStore, serdes } from '#streams'
import { STATE_NAMESPACE } from '../shared/names.ts'

/** Who a member is, as the events so far say it. */
export const MEMBER_PROFILE = record('MemberProfile', 'A member as the events so far describe them.', [
  field('member_id', 'string', 'internal', 'The member.'),
  field('status', 'string', 'internal', 'Status of the membership.'),
  field('registered_ms', 'long', 'internal', 'When the member joined.'),
  field('first_seen_ms', 'long', 'internal', 'Time of the registration event.'),
  field('full_name', 'string', 'pii', 'Name; empty if not known.'),
  field('email', 'string', 'pii', 'E-mail address.'),
  field('phone', 'string', 'pii', 'Phone number.'),
  field('segment', 'string', 'internal', 'What the member lives on.'),
  field('branch_id', 'string', 'internal', 'Home branch; empty if not known.'),
  field('employer_id', 'string', 'internal', 'Employer; empty if none.'),
  field('staff_id', 'string', 'internal', 'Set if the member works for the SACCO.'),
  field('next_of_kin_phone', 'string', 'pii', 'Phone number of the next of kin.'),
  field('postal_address', 'string', 'pii', 'Address.'),
  field('bank_account', 'string', 'pii', 'Bank account for payouts.'),
  field('verified', 'boolean', 'internal', 'Identity verified.'),
  field('kyc_level', 'int', 'internal', '0 none, 1 basic, 2 full, 3 enhanced.'),
  field('kyc_rating', 'string', 'internal', 'Rating of the checks; empty before them.'),
  field('politically_exposed', 'boolean', 'pii', 'Politically exposed person.'),
  field('sanctions_hit', 'boolean', 'pii', 'A sanctions list matched.'),
  list(
    'accounts',
    record('MemberAccount', 'An account of the member.', [
      field('account_id', 'string', 'internal', 'The account.'),
      field('product', 'string', 'internal', 'Kind of account.'),
      field('currency', 'string', 'internal', 'Its currency.'),
      field('opened_ms', 'long', 'internal', 'When it was opened.'),
      optional('closed_ms', 'long', 'internal', 'When it was closed.'),
    ]),
    'internal',
    'Accounts, the oldest first.',
  ),
  list(
    'devices',
    record('MemberDevice', 'A device of the member.', [
      field('device_id', 'string', 'pii', 'The device.'),
      field('first_seen_ms', 'long', 'internal', 'First use.'),
      field('last_seen_ms', 'long', 'internal', 'Last use.'),
    ]),
    'pii',
    'Devices, the one used last at the end.',
  ),
  field('updated_ms', 'long', 'internal', 'Time of the event that changed it last.'),
])
export type MemberProfile = TypeOf<typeof MEMBER_PROFILE>
export type MemberAccount = MemberProfile['accounts'][number]

export const memberProfileDefinition = recordDefinition(STATE_NAMESPACE, MEMBER_PROFILE)

/** `members`: member id → profile. */
export function createMembersStore(schemas: RegisteredSchemas) {
  return keyValueStore({
    name: 'members',
    key: serdes.string,
    value: createRecordSerde(memberProfileDefinition, schemas),
  })
}
export type MembersStoreSpec = ReturnType<typeof createMembersStore>
