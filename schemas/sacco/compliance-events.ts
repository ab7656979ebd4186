import { atLeast, field, id, list, openEnumeration, optional, record } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import { currencyField } from './common.ts'

/** What regulator, auditor and the financial reporting centre ask for: `sacco.compliance.events`. */
const topic = 'sacco.compliance.events'

export const sasraReportGenerated = defineEvent({
  type: 'sasra.report.generated',
  topic,
  name: 'SasraReportGenerated',
  key: 'report_id',
  origin: 'document',
  doc: 'A return for the regulator (SASRA) was made.',
  data: [
    field('report_id', 'string', 'internal', 'The report.'),
    field(
      'report_kind',
      'string',
      'internal',
      'Which return: capital_adequacy, liquidity, risk_classification, deposits, other.',
    ),
    field('period_from', 'string', 'internal', 'First day, YYYY-MM-DD.'),
    field('period_to', 'string', 'internal', 'Last day, YYYY-MM-DD.'),
    field('content_hash', 'string', 'internal', 'SHA-256 of the report.'),
    field('generated_at', 'string', 'internal', 'When, ISO format.'),
    optional('generated_by', id('staff-id'), 'internal', 'Who; null for a scheduled run.'),
  ],
})

export const auditTrailUpdated = defineEvent({
  type: 'audit.trail.updated',
  topic,
  name: 'AuditTrailUpdated',
  key: 'entity_id',
  origin: 'document',
  doc: 'An entry of the audit trail. Each holds the hash of the one before it: none can be taken out unseen.',
  data: [
    field('entity_type', 'string', 'internal', 'What it is about: member, account, loan, rule, flag, configuration.'),
    field('entity_id', 'string', 'internal', 'Its id.'),
    field('action', 'string', 'internal', 'What was done.'),
    field('actor_id', 'string', 'internal', 'Who did it: staff id, user id or name of the job.'),
    optional('source_event_id', id('event-id'), 'internal', 'Event that it records.'),
    field('sequence', 'long', 'internal', 'Number of the entry in its chain.'),
    field('hash', 'string', 'internal', 'SHA-256 over this entry and the hash before.'),
    field('hash_before', 'string', 'internal', 'Hash of the entry before; empty for the first.'),
    optional('detail', 'string', 'pii', 'What changed, as JSON text.'),
    field('recorded_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const suspiciousActivityDetected = defineEvent({
  type: 'suspicious.activity.detected',
  topic,
  name: 'SuspiciousActivityDetected',
  key: 'activity_id',
  origin: 'document',
  doc: 'Something that may have to be reported. A suspicious transaction report has a deadline.',
  data: [
    field('activity_id', 'string', 'internal', 'The suspicion.'),
    optional('member_id', id('member-id'), 'internal', 'The member concerned, if there is one.'),
    optional('staff_id', id('staff-id'), 'internal', 'The member of staff concerned, if there is one.'),
    field(
      'report_kind',
      openEnumeration(
        'ReportKind',
        'Which report it may become.',
        ['suspicious_transaction', 'cash_transaction', 'other'],
        'other',
      ),
      'internal',
      'Which report it may become.',
    ),
    field('summary', 'string', 'pii', 'What is suspicious, in words.'),
    list('flag_ids', id('flag-id'), 'internal', 'Fraud flags behind it.'),
    list(
      'events',
      record('SuspiciousEvent', 'An event behind the suspicion.', [
        field('event_id', id('event-id'), 'internal', 'The event.'),
        field('event_type', 'string', 'internal', 'Its type.'),
      ]),
      'internal',
      'Events behind it.',
    ),
    atLeast(0, field('total_minor', 'long', 'internal', 'Money involved, in minor units.')),
    currencyField,
    field('detected_at', 'string', 'internal', 'When, ISO format.'),
    field('report_due_at', 'string', 'internal', 'By when it must be reported, ISO format.'),
  ],
})

export const COMPLIANCE_EVENTS = [sasraReportGenerated, auditTrailUpdated, suspiciousActivityDetected] as const
