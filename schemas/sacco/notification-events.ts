import { field, id, openEnumeration } from '../avro/avro-types.ts'
import { defineEvent } from '../event.ts'
import { memberField } from './common.ts'

/** What members were told: `sacco.notification.events`. */
const topic = 'sacco.notification.events'

const NOTIFICATION_HEAD = [
  field(
    'notification_id',
    'string',
    'internal',
    'The notification: derived from the event that caused it, so that a repeat sends nothing.',
  ),
  memberField,
  field(
    'medium',
    openEnumeration('NotificationMedium', 'How.', ['sms', 'email', 'push', 'other'], 'other'),
    'internal',
    'How it was sent.',
  ),
  field('recipient', 'string', 'pii', 'Phone number, address or device token.'),
  field('template', 'string', 'internal', 'Which text.'),
  field('source_event_id', id('event-id'), 'internal', 'Event that caused it.'),
  field('attempt', 'int', 'internal', '1 for the first attempt.'),
] as const

export const notificationSent = defineEvent({
  type: 'notification.sent',
  topic,
  name: 'NotificationSent',
  key: 'member_id',
  origin: 'document',
  doc: 'A gateway accepted a notification.',
  data: [
    ...NOTIFICATION_HEAD,
    field('provider_message_id', 'string', 'internal', 'Id that the gateway gave.'),
    field('sent_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const notificationFailed = defineEvent({
  type: 'notification.failed',
  topic,
  name: 'NotificationFailed',
  key: 'member_id',
  origin: 'document',
  doc: 'A notification could not be delivered.',
  data: [
    ...NOTIFICATION_HEAD,
    field('reason', 'string', 'internal', 'Why.'),
    field('final', 'boolean', 'internal', 'True if it will not be tried again.'),
    field('failed_at', 'string', 'internal', 'When, ISO format.'),
  ],
})

export const NOTIFICATION_EVENTS = [notificationSent, notificationFailed] as const
