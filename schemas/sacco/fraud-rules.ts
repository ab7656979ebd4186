import { enumeration, field, id, list, openEnumeration, optional, record } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'

/**
 * Fraud rules are data: a rule names its evaluator (`kind`) and gives the parameters. A new version of a rule is a new
 * record under the same key; it takes effect when the table has read it. Whole numbers only, each with its unit.
 */
const topic = 'sacco.fraud.rules'

export const SEVERITY = enumeration('Severity', 'How bad.', ['low', 'medium', 'high', 'critical'])
export const OUTCOME = openEnumeration(
  'Outcome',
  'What is asked for.',
  ['approve', 'review', 'hold', 'decline'],
  'review',
)
export const UNIT = openEnumeration(
  'Unit',
  'Unit of a number.',
  [
    'minor_units',
    'count',
    'ms',
    'days',
    'basis_points',
    'points',
    'metres',
    'km_per_hour',
    'hour_of_day',
    'flag',
    'other',
  ],
  'other',
)

export const RULE_STATUS = openEnumeration(
  'RuleStatus',
  'Draft: ignored. Shadow: evaluated and counted, never raised. Live: raised. Retired: ignored, kept for history.',
  ['draft', 'shadow', 'live', 'retired'],
  'draft',
)

export const fraudRuleChanged = defineEvent({
  type: 'fraud.rule.changed',
  topic,
  name: 'FraudRuleChanged',
  key: 'rule_id',
  origin: 'ours',
  doc: 'A version of a fraud rule.',
  data: [
    field('rule_id', id('rule-id'), 'internal', 'The rule.'),
    field('rule_version', 'int', 'internal', '1, 2, 3 … The highest version counts.'),
    field('name', 'string', 'internal', 'Short name for people.'),
    field('description', 'string', 'internal', 'What it looks for and why.'),
    field(
      'category',
      openEnumeration(
        'RuleCategory',
        'What it is about.',
        ['money', 'device', 'loan', 'staff', 'integrity', 'other'],
        'other',
      ),
      'internal',
      'What it is about.',
    ),
    field('kind', 'string', 'internal', 'Which evaluator runs it, for example velocity or structuring.'),
    field('status', RULE_STATUS, 'internal', 'Whether it runs.'),
    field('severity', SEVERITY, 'internal', 'Severity of its flags.'),
    field('outcome', OUTCOME, 'internal', 'What its flags ask for.'),
    field('score', 'int', 'internal', 'Weight of its flags, 0 to 1000.'),
    list(
      'params',
      record('RuleParam', 'A number that the rule uses.', [
        field('name', 'string', 'internal', 'Which.'),
        field('value', 'long', 'internal', 'The number, in its unit.'),
        field('unit', UNIT, 'internal', 'Its unit.'),
      ]),
      'internal',
      'Thresholds and windows.',
    ),
    list(
      'lists',
      record('RuleList', 'A list of words that the rule uses.', [
        field('name', 'string', 'internal', 'Which.'),
        list('values', 'string', 'internal', 'The words: channels, event types, segments.'),
      ]),
      'internal',
      'Lists.',
    ),
    field('effective_from', 'string', 'internal', 'From when on, ISO format.'),
    optional('effective_to', 'string', 'internal', 'Until when (exclusive), ISO format; null for ever.'),
    field('maker_id', id('staff-id'), 'internal', 'Who wrote this version.'),
    optional('checker_id', id('staff-id'), 'internal', 'Who approved it; a live rule needs one who is not the maker.'),
  ],
})

export const FRAUD_RULE_EVENTS = [fraudRuleChanged] as const
