import { peerTopology } from '../topologies/peer.ts'
import { PACED } from './topics.ts'

/** What Mto's process runs on events that come at a steady rate: one output per event. */
export function topology() {
  const { events, members, output } = PACED
  return peerTopology({ eventsTopic: events, membersTopic: members, outputTopic: output, isEveryUpdate: true })
}
