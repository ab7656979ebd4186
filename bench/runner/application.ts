import { isMainThread } from 'node:worker_threads'
import type { Topology } from '#streams'
import { profileThread } from '../profile/profile-thread.ts'
import { EVENTS_TOPIC, MEMBERS_TOPIC, OUTPUT_TOPIC } from '../topologies/event.ts'
import { peerTopology } from '../topologies/peer.ts'
import { settingsIn } from './plan.ts'

/** The module that the benchmark's application runs: its URL says which topology on how many partitions. */
const { topology: name, partitions, isProfiled } = settingsIn(import.meta.url)

export const topics = [EVENTS_TOPIC, MEMBERS_TOPIC, OUTPUT_TOPIC].map((topic) => ({
  name: topic,
  partitions,
  config: { retentionMs: -1 },
}))

export async function topology(): Promise<Topology> {
  if (name === 'peer-every-update') {
    return peerTopology({
      eventsTopic: EVENTS_TOPIC,
      membersTopic: MEMBERS_TOPIC,
      outputTopic: OUTPUT_TOPIC,
      isEveryUpdate: true,
    })
  }
  const module = (await import(`../topologies/${name}.ts`)) as { topology(): Topology }
  return module.topology()
}

// Nothing of the product knows that it is profiled: each stream thread imports this module.
if (isProfiled && !isMainThread) profileThread()
