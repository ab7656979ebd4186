import { createKafkaLog, type KafkaOptions } from '#connectors/kafka'
import { FEEDER_GROUP, PLAN_TOPIC } from '../feed/feed-plan.ts'
import { APPLICATION_ID } from './platform.ts'
import { topics } from './sacco-module.ts'

/**
 * Removes what a SACCO has on Kafka: its topics, its internal topics and the offsets of its groups. Schemas stay: the
 * topic of the registry may have those of others too. LOG_REFUSED while a process of it runs.
 */
export async function clearKafka(kafka: Omit<KafkaOptions, 'clientId'>): Promise<void> {
  const log = await createKafkaLog({ ...kafka, clientId: 'mto-load-fresh' })
  try {
    const own = new Set([...topics.map(({ name }) => name), PLAN_TOPIC])
    const isInternal = (name: string): boolean =>
      name.startsWith(`${APPLICATION_ID}-`) && /-(changelog|repartition)$/.test(name)
    // First, since it is refused while anybody is a member.
    for (const group of [APPLICATION_ID, FEEDER_GROUP]) await log.admin.deleteGroup(group)
    await log.admin.deleteTopics((await log.admin.listTopics()).filter((name) => own.has(name) || isInternal(name)))
  } finally {
    await log.close()
  }
}
