import { createStreamsBuilder, serdes, tumblingWindows } from '#streams'
import { consumed, EVENTS_TOPIC, MEMBERS_TOPIC, OUTPUT_TOPIC } from './event.ts'
import type { Member } from './join.ts'

export { topics } from './event.ts'

type Activity = { readonly count: number; readonly sumMinor: number }

/** Fixed-size state: a count and a sum, sixteen bytes. */
const activitySerde = {
  name: 'activity',
  serialize: (activity: Activity): Uint8Array => {
    const bytes = new Uint8Array(16)
    const view = new DataView(bytes.buffer)
    view.setFloat64(0, activity.count)
    view.setFloat64(8, activity.sumMinor)
    return bytes
  },
  deserialize: (bytes: Uint8Array): Activity => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
    return { count: view.getFloat64(0), sumMinor: view.getFloat64(8) }
  },
}

const LIMIT_MINOR = 50_000_000
const COUNT_MAX = 10

export type PeerOptions = {
  readonly eventsTopic: string
  readonly membersTopic: string
  readonly outputTopic: string
  /** Every update goes out, not only what is to be flagged: one output per event. */
  readonly isEveryUpdate: boolean
}

/**
 * The topology with which Mto and Java Kafka Streams are compared: events join members, a running balance per member,
 * count and sum per member over a minute (grace 30 s), and a flag where either is too high. One sub-topology. Java's
 * side of it: bench/peers/java.
 */
export function peerTopology({ eventsTopic, membersTopic, outputTopic, isEveryUpdate }: PeerOptions) {
  const builder = createStreamsBuilder()
  const members = builder.table(membersTopic, { key: serdes.string, value: serdes.json<Member>(), store: 'members' })
  const joined = builder
    .stream(eventsTopic, consumed)
    .join(members, (event, member) => ({ amountMinor: event.amountMinor, limitMinor: member.limitMinor }))
  const byMember = joined.groupByKey()
  byMember.aggregate(
    () => 0,
    (_member, { amountMinor }, balanceMinor) => balanceMinor + amountMinor,
    { store: 'balances', value: serdes.int64 },
  )
  byMember
    .windowedBy(tumblingWindows({ sizeMs: 60_000, graceMs: 30_000 }))
    .aggregate(
      (): Activity => ({ count: 0, sumMinor: 0 }),
      (_member, { amountMinor }, activity) => ({
        count: activity.count + 1,
        sumMinor: activity.sumMinor + amountMinor,
      }),
      { store: 'activity', value: activitySerde },
    )
    .toStream()
    .filter(
      (_window, activity) =>
        isEveryUpdate || (activity?.sumMinor ?? 0) > LIMIT_MINOR || (activity?.count ?? 0) > COUNT_MAX,
    )
    .mapValues((activity) => activity?.sumMinor ?? 0, { value: serdes.int64 })
    .to(outputTopic)
  return builder.build()
}

export function topology() {
  return peerTopology({
    eventsTopic: EVENTS_TOPIC,
    membersTopic: MEMBERS_TOPIC,
    outputTopic: OUTPUT_TOPIC,
    isEveryUpdate: false,
  })
}
