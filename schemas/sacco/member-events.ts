import { enumeration, field, id, openEnumeration, optional } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import { CHANNEL, INITIATOR, memberField } from './common.ts'

/** The life of a membership: `sacco.member.events`. */
const topic = 'sacco.member.events'

const SEGMENT = openEnumeration(
  'MemberSegment',
  'What the member lives on; thresholds may differ by segment.',
  ['salaried', 'farmer', 'trader', 'agent', 'staff', 'institution', 'other'],
  'other',
)

/** The four fields of the document come first and stay as they are; a producer may leave the others out. */
export const memberRegistered = defineEvent({
  type: 'member.registered',
  topic,
  name: 'MemberRegistered',
  dataName: 'MemberData',
  key: 'member_id',
  origin: 'document',
  doc: 'A person has joined the SACCO.',
  data: [
    memberField,
    field('email', 'string', 'pii', 'E-mail address; empty if the member has none.'),
    field('phone', 'string', 'pii', 'Phone number, as 2547XXXXXXXX.'),
    field('registered_at', 'string', 'internal', 'When the member joined, ISO format.'),
    optional('full_name', 'string', 'pii', 'Name as in the identity document.'),
    optional('national_id', 'string', 'pii', 'Number of the identity document.'),
    optional('date_of_birth', 'string', 'pii', 'Date of birth, YYYY-MM-DD.'),
    optional('postal_address', 'string', 'pii', 'Address; members who share one are linked.'),
    optional('next_of_kin_name', 'string', 'pii', 'Next of kin.'),
    optional('next_of_kin_phone', 'string', 'pii', 'Phone number of the next of kin.'),
    optional('bank_account', 'string', 'pii', 'Account at a bank to which the SACCO may pay out.'),
    optional('segment', SEGMENT, 'internal', 'What the member lives on.'),
    optional('occupation', 'string', 'pii', 'Occupation as stated.'),
    optional('employer_id', id('employer-id'), 'internal', 'Employer who remits by check-off.'),
    optional('branch_id', id('branch-id'), 'internal', 'Home branch.'),
    optional(
      'registered_by',
      id('staff-id'),
      'internal',
      'Member of staff who registered them; null for self-service.',
    ),
    optional('staff_id', id('staff-id'), 'internal', 'Set if the member works for the SACCO.'),
    optional('device_id', id('device-id'), 'pii', 'Device used to register.'),
    optional('batch_id', 'string', 'internal', 'Import batch; many members in one second need a look.'),
    optional('latitude', 'double', 'pii', 'Home place, degrees north.'),
    optional('longitude', 'double', 'pii', 'Home place, degrees east.'),
  ],
})

export const memberVerified = defineEvent({
  type: 'member.verified',
  topic,
  name: 'MemberVerified',
  key: 'member_id',
  origin: 'document',
  doc: 'The identity of a member was verified.',
  data: [
    memberField,
    field('verified_at', 'string', 'internal', 'When, ISO format.'),
    field('method', 'string', 'internal', 'How: iprs, document, biometric, in_person.'),
    optional('verified_by', id('staff-id'), 'internal', 'Member of staff who verified; null for automatic checks.'),
  ],
})

export const memberKycApproved = defineEvent({
  type: 'member.kyc.approved',
  topic,
  name: 'MemberKycApproved',
  key: 'member_id',
  origin: 'document',
  doc: 'Know-your-customer checks of a member were approved.',
  data: [
    memberField,
    field('approved_at', 'string', 'internal', 'When, ISO format.'),
    field('kyc_level', 'int', 'internal', 'Level reached: 1 basic, 2 full, 3 enhanced.'),
    field(
      'risk_rating',
      enumeration('KycRiskRating', 'Rating of the checks.', ['low', 'medium', 'high']),
      'internal',
      'Rating.',
    ),
    field('politically_exposed', 'boolean', 'pii', 'True if the member is a politically exposed person.'),
    field('sanctions_hit', 'boolean', 'pii', 'True if a sanctions list matched.'),
    optional('maker_id', id('staff-id'), 'internal', 'Member of staff who prepared it.'),
    optional('checker_id', id('staff-id'), 'internal', 'Member of staff who approved it.'),
  ],
})

export const MEMBER_STATUS = openEnumeration(
  'MemberStatus',
  'Status of a membership.',
  ['pending', 'active', 'dormant', 'suspended', 'exited', 'deceased', 'unknown'],
  'unknown',
)

export const memberStatusChanged = defineEvent({
  type: 'member.status.changed',
  topic,
  name: 'MemberStatusChanged',
  key: 'member_id',
  origin: 'document',
  doc: 'The status of a membership changed.',
  data: [
    memberField,
    field('status_before', MEMBER_STATUS, 'internal', 'Status before.'),
    field('status_after', MEMBER_STATUS, 'internal', 'Status now.'),
    field('reason', 'string', 'internal', 'Why.'),
    field('changed_at', 'string', 'internal', 'When, ISO format.'),
    optional('changed_by', id('staff-id'), 'internal', 'Member of staff who changed it; null for automatic changes.'),
  ],
})

export const memberContactChanged = defineEvent({
  type: 'member.contact.changed',
  topic,
  name: 'MemberContactChanged',
  key: 'member_id',
  origin: 'ours',
  doc: 'A contact or payout detail of a member changed. Rules look at payouts that follow.',
  data: [
    memberField,
    field(
      'contact',
      openEnumeration(
        'ContactKind',
        'Which detail.',
        ['phone', 'email', 'postal_address', 'bank_account', 'next_of_kin', 'other'],
        'other',
      ),
      'internal',
      'Which detail changed.',
    ),
    optional('value_before', 'string', 'pii', 'Value before.'),
    field('value_after', 'string', 'pii', 'Value now.'),
    field('channel', CHANNEL, 'internal', 'Where it was changed.'),
    field('initiated_by', INITIATOR, 'internal', 'Who changed it.'),
    optional('maker_id', id('staff-id'), 'internal', 'Member of staff who entered it.'),
    optional('checker_id', id('staff-id'), 'internal', 'Member of staff who approved it.'),
    field('changed_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const memberCredentialChanged = defineEvent({
  type: 'member.credential.changed',
  topic,
  name: 'MemberCredentialChanged',
  key: 'member_id',
  origin: 'ours',
  doc: 'A SIM card, PIN or password was replaced: the start of the SIM-swap window.',
  data: [
    memberField,
    field(
      'credential',
      openEnumeration('CredentialKind', 'Which credential.', ['sim', 'pin', 'password', 'other'], 'other'),
      'internal',
      'Which credential changed.',
    ),
    field('initiated_by', INITIATOR, 'internal', 'Who changed it.'),
    optional('phone', 'string', 'pii', 'Phone number concerned.'),
    optional('staff_id', id('staff-id'), 'internal', 'Member of staff who did it.'),
    optional('device_id', id('device-id'), 'pii', 'Device used.'),
    field('changed_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const memberDeviceSeen = defineEvent({
  type: 'member.device.seen',
  topic,
  name: 'MemberDeviceSeen',
  key: 'member_id',
  origin: 'ours',
  doc: 'A member signed in with a device.',
  data: [
    memberField,
    field('device_id', id('device-id'), 'pii', 'The device.'),
    field('seen_at', 'string', 'internal', 'When, ISO format.'),
    optional('platform', 'string', 'internal', 'Operating system and version.'),
    optional('emulator', 'boolean', 'internal', 'True if the device looks like an emulator; null if not known.'),
    optional('ip_address', 'string', 'pii', 'Network address.'),
    optional('latitude', 'double', 'pii', 'Place, degrees north.'),
    optional('longitude', 'double', 'pii', 'Place, degrees east.'),
  ],
})

export const memberAuthenticationAttempted = defineEvent({
  type: 'member.authentication.attempted',
  topic,
  name: 'MemberAuthenticationAttempted',
  key: 'member_id',
  origin: 'ours',
  doc: 'A member (or somebody else) tried to sign in or to confirm with a PIN.',
  data: [
    memberField,
    field(
      'outcome',
      openEnumeration(
        'AuthenticationOutcome',
        'How it ended.',
        ['succeeded', 'wrong_pin', 'wrong_otp', 'locked', 'failed'],
        'failed',
      ),
      'internal',
      'How it ended.',
    ),
    field('channel', CHANNEL, 'internal', 'Where.'),
    optional('device_id', id('device-id'), 'pii', 'Device used.'),
    optional('phone', 'string', 'pii', 'Phone number used.'),
    optional('ip_address', 'string', 'pii', 'Network address.'),
    field('attempted_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const memberRecordAccessed = defineEvent({
  type: 'member.record.accessed',
  topic,
  name: 'MemberRecordAccessed',
  key: 'member_id',
  origin: 'ours',
  doc: 'A member of staff opened or edited the record of a member: for rules on access without a request.',
  data: [
    memberField,
    field('staff_id', id('staff-id'), 'internal', 'Who.'),
    field(
      'action',
      openEnumeration('AccessAction', 'What was done.', ['viewed', 'edited', 'exported', 'other'], 'other'),
      'internal',
      'What was done.',
    ),
    optional(
      'service_request_id',
      'string',
      'internal',
      'The request of the member that it served; null if there was none.',
    ),
    field('accessed_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const MEMBER_EVENTS = [
  memberRegistered,
  memberVerified,
  memberKycApproved,
  memberStatusChanged,
  memberContactChanged,
  memberCredentialChanged,
  memberDeviceSeen,
  memberAuthenticationAttempted,
  memberRecordAccessed,
] as const
