import type { TopicSpec } from '#streams/ports'
import { type BenchEvent, MEMBERS, PARTITIONS } from '../topologies/event.ts'

/** Everything that the comparison makes on a broker begins with this; what an earlier run left is deleted by it. */
export const PREFIX = 'bench-peers-'

export type PeerTopics = { readonly events: string; readonly members: string; readonly output: string }

const members = `${PREFIX}members`
/** Of the runs that read what is there already. */
export const PRELOADED: PeerTopics = { events: `${PREFIX}events`, members, output: `${PREFIX}output` }
/** Of the runs whose events come at a steady rate. */
export const PACED: PeerTopics = { events: `${PREFIX}paced-events`, members, output: `${PREFIX}paced-output` }

export const inputTopics: readonly TopicSpec[] = [
  ...new Set([...Object.values(PRELOADED), ...Object.values(PACED)]),
].map((name) => ({ name, partitions: PARTITIONS, config: { retentionMs: -1 } }))

const kinds = ['deposit', 'withdrawal', 'transfer', 'repayment']
const channels = ['mpesa', 'cash', 'bank', 'check-off']

export function memberKey(member: number): string {
  return `member-${member.toString().padStart(6, '0')}`
}

/** Event `number`, JSON of about 254 bytes: members independent and uniform, so that some have many in one minute. */
export function peerEvent(number: number): BenchEvent {
  const random = mixed(number)
  const other = mixed(random ^ 0x5bd1e995)
  return {
    id: `event-${number.toString().padStart(12, '0')}`,
    memberId: memberKey(random % MEMBERS),
    kind: kinds[other % 4] as string,
    amountMinor: (other >>> 3) % 5_000_000,
    currency: 'KES',
    channel: channels[(other >>> 5) % 4] as string,
    branch: `branch-${other % 40}`,
    reference: `REF${mixed(other)}`,
    note: 'monthly contribution of the member, standing order at the branch',
  }
}

/** Spreads neighbours over all of 32 bits (the finaliser of murmur3). */
function mixed(number: number): number {
  let hash = Math.imul(number ^ (number >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
