/** Topics of the application beside those of the requirement document (`SACCO_TOPICS`). */
export const DEAD_LETTER_TOPIC = 'sacco.dead-letters'
/** Events that were far too late: kept with their reason, not booked. */
export const LATE_TOPIC = 'sacco.late.events'
/** What one member's event means for another member: transfers received, guarantees given. Keyed by member. */
export const MEMBER_SIGNALS_TOPIC = 'sacco.member.signals'
/** What an event means for a device, a member of staff, a phone number, a receipt. Keyed by the entity. */
export const ENTITY_SIGNALS_TOPIC = 'sacco.entity.signals'

export const STATE_NAMESPACE = 'com.sacco.state'
