import { peerTopology } from '../topologies/peer.ts'
import { PRELOADED } from './topics.ts'

/** What Mto's process runs on the events that are there already. */
export function topology() {
  const { events, members, output } = PRELOADED
  return peerTopology({ eventsTopic: events, membersTopic: members, outputTopic: output, isEveryUpdate: false })
}
