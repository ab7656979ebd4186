import { atLeast, field, id, list, openEnumeration, optional, record } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import { memberField } from './common.ts'
import { OUTCOME, SEVERITY, UNIT } from './fraud-rules.ts'

/** What the platform concluded: `sacco.analytics.events`. */
const topic = 'sacco.analytics.events'

/** A value that a rule or a score used. Whole numbers only: a ratio is in basis points, money in minor units. */
const NAMED_VALUE = record('NamedValue', 'A value behind a conclusion.', [
  field('name', 'string', 'internal', 'What it is.'),
  field('value', 'long', 'internal', 'The value, in its unit.'),
  field('unit', UNIT, 'internal', 'Its unit.'),
])

/** What a flag is about. Insiders matter as much as members: a teller's shortage concerns no member at all. */
const SUBJECT_KIND = openEnumeration(
  'SubjectKind',
  'What kind of thing a flag is about.',
  ['member', 'staff', 'agent', 'device', 'employer', 'account', 'other'],
  'other',
)
const SUBJECT_FIELDS = [
  field(
    'flag_id',
    id('flag-id'),
    'internal',
    'The flag: derived from rule and evidence, so that a repeat raises nothing new.',
  ),
  field('subject_kind', SUBJECT_KIND, 'internal', 'What kind of thing the flag is about.'),
  field('subject_id', 'string', 'internal', 'Id of the member, member of staff, agent or other that it is about.'),
  optional('member_id', id('member-id'), 'internal', 'The member concerned, if there is one.'),
] as const

export const riskScoreCalculated = defineEvent({
  type: 'risk.score.calculated',
  topic,
  name: 'RiskScoreCalculated',
  key: 'member_id',
  origin: 'document',
  doc: 'The risk score of a member, with its reasons. The same inputs give the same score.',
  data: [
    memberField,
    field('score', 'int', 'pii', '0 (no risk seen) to 1000.'),
    optional('score_before', 'int', 'pii', 'Score before; null for the first.'),
    field('model', 'string', 'internal', 'Name of the score card.'),
    field('model_version', 'int', 'internal', 'Its version.'),
    list(
      'reasons',
      record('RiskReason', 'One reason of a score.', [
        field('code', 'string', 'internal', 'Reason code.'),
        field('points', 'int', 'internal', 'What it adds to the score.'),
        list('values', NAMED_VALUE, 'internal', 'The values behind it.'),
      ]),
      'pii',
      'Reasons, the heaviest first.',
    ),
    optional('caused_by_event_id', id('event-id'), 'internal', 'Event that changed the score.'),
    field('calculated_at', 'string', 'internal', 'Stream time of the calculation, ISO format.'),
  ],
})

export const fraudDetected = defineEvent({
  type: 'fraud.detected',
  topic,
  name: 'FraudDetected',
  key: 'subject_id',
  origin: 'document',
  doc: 'A fraud rule fired. The evidence is enough to check it by hand.',
  data: [
    ...SUBJECT_FIELDS,
    field('rule_id', id('rule-id'), 'internal', 'The rule.'),
    field('rule_version', 'int', 'internal', 'Its version when it fired.'),
    field('severity', SEVERITY, 'internal', 'How bad.'),
    field('outcome', OUTCOME, 'internal', 'What the rule asks for.'),
    field('score', 'int', 'internal', 'Weight of the flag, 0 to 1000.'),
    optional('account_id', id('account-id'), 'internal', 'The account, if it is about one.'),
    optional('loan_id', id('loan-id'), 'internal', 'The loan, if it is about one.'),
    optional('staff_id', id('staff-id'), 'internal', 'The member of staff, if it is about one.'),
    optional('agent_id', id('agent-id'), 'internal', 'The agent, if it is about one.'),
    optional('device_id', id('device-id'), 'pii', 'The device, if it is about one.'),
    field('reason', 'string', 'pii', 'Why it fired, in one sentence.'),
    field(
      'evidence',
      {
        type: 'array',
        items: record('Evidence', 'An event behind a flag.', [
          field('event_id', id('event-id'), 'internal', 'The event.'),
          field('event_type', 'string', 'internal', 'Its type.'),
          field('timestamp', 'string', 'internal', 'When, ISO format.'),
          optional('amount_minor', 'long', 'internal', 'Its amount in minor units, if it has one.'),
        ]),
      },
      'internal',
      'The events, oldest first; the newest ones if there are very many.',
    ),
    atLeast(0, field('evidence_count', 'int', 'internal', 'How many events there were in all.')),
    list('values', NAMED_VALUE, 'internal', 'What was measured and the thresholds.'),
    optional('window_start', 'string', 'internal', 'Start of the window looked at, ISO format.'),
    optional('window_end', 'string', 'internal', 'End of the window looked at, ISO format.'),
    field('detected_at', 'string', 'internal', 'Stream time of the detection, ISO format.'),
  ],
})

export const flagReviewed = defineEvent({
  type: 'fraud.flag.reviewed',
  topic,
  name: 'FraudFlagReviewed',
  key: 'subject_id',
  origin: 'ours',
  version: '1.1',
  doc: 'An analyst took, annotated, passed on or closed a flag.',
  data: [
    ...SUBJECT_FIELDS,
    field(
      'status',
      openEnumeration(
        'FlagStatus',
        'Where the work stands.',
        ['open', 'taken', 'escalated', 'closed_confirmed', 'closed_false_positive', 'unknown', 'closed_reported'],
        'unknown',
      ),
      'internal',
      'Where the work should stand afterwards; whether it does, the platform decides.',
    ),
    field('reviewed_by', id('staff-id'), 'internal', 'The analyst.'),
    optional('checker_id', id('staff-id'), 'internal', 'Who agreed to the closing.'),
    field('reason', 'string', 'pii', 'Why, in words.'),
    field('reviewed_at', 'string', 'internal', 'When, ISO format.'),
    optional(
      'action',
      openEnumeration(
        'ReviewAction',
        'What the analyst did.',
        ['take', 'note', 'release', 'escalate', 'close', 'reopen', 'other'],
        'other',
      ),
      'internal',
      'What the analyst did; null (events of version 1.0): it follows from the status.',
    ),
  ],
})

export const ANALYTICS_EVENTS = [riskScoreCalculated, fraudDetected, flagReviewed] as const
