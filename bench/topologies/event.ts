import { serdes } from '#streams'
import type { TopicSpec } from '#streams/ports'

/** The event of all engine benchmarks: JSON of about 250 bytes, keyed by member. */
export type BenchEvent = {
  readonly id: string
  readonly memberId: string
  readonly kind: string
  readonly amountMinor: number
  readonly currency: string
  readonly channel: string
  readonly branch: string
  readonly reference: string
  readonly note: string
}
export const PARTITIONS = 12
export const MEMBERS = 10_000
export const EVENTS_TOPIC = 'bench-events'
export const MEMBERS_TOPIC = 'bench-members'
export const OUTPUT_TOPIC = 'bench-output'

export const topics: readonly TopicSpec[] = [EVENTS_TOPIC, MEMBERS_TOPIC, OUTPUT_TOPIC].map((name) => ({
  name,
  partitions: PARTITIONS,
}))

export const eventSerde = serdes.json<BenchEvent>()
export const consumed = { key: serdes.string, value: eventSerde }

const kinds = ['deposit', 'withdrawal', 'transfer', 'repayment']
const channels = ['mpesa', 'cash', 'bank', 'check-off']

/** Event `number`: members uniform, one millisecond of event time apart. */
export function benchEvent(number: number, members = MEMBERS): BenchEvent {
  const scrambled = Math.imul(number + 1, 0x9e3779b1) >>> 0
  return {
    id: `event-${number.toString().padStart(12, '0')}`,
    memberId: memberOf(scrambled, members),
    kind: kinds[scrambled % 4] as string,
    amountMinor: (scrambled >>> 3) % 5_000_000,
    currency: 'KES',
    channel: channels[(scrambled >>> 5) % 4] as string,
    branch: `branch-${scrambled % 40}`,
    reference: `REF${(scrambled * 31) % 1_000_000_007}`,
    note: 'monthly contribution of the member',
  }
}

export function memberOf(scrambled: number, members = MEMBERS): string {
  return `member-${(scrambled % members).toString().padStart(6, '0')}`
}
