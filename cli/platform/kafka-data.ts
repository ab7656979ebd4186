import { createKafkaLog, type KafkaOptions } from '#connectors/kafka'
import { createEmbeddedRegistry, createLogStore, SCHEMAS_TOPIC } from '#connectors/schema-registry'
import type { Log } from '#streams/ports'
import { SACCO_DEFINITIONS } from '#topologies/sacco'
import { FEEDER_GROUP, PLAN_TOPIC } from '../feed/feed-plan.ts'
import { APPLICATION_ID } from './platform.ts'
import { topics } from './sacco-module.ts'

/**
 * Removes what a SACCO has on Kafka: its topics, its internal topics and the offsets of its groups; its schemas where
 * nobody else has any in the registry's topic. LOG_REFUSED while a process of it runs.
 */
export async function clearKafka(kafka: Omit<KafkaOptions, 'clientId'>): Promise<void> {
  const log = await createKafkaLog({ ...kafka, clientId: 'mto-load-fresh' })
  try {
    const own = new Set([...topics.map(({ name }) => name), PLAN_TOPIC])
    const isInternal = (name: string): boolean =>
      name.startsWith(`${APPLICATION_ID}-`) && /-(changelog|repartition)$/.test(name)
    // First, since it is refused while anybody is a member.
    for (const group of [APPLICATION_ID, FEEDER_GROUP]) await log.admin.deleteGroup(group)
    const names = await log.admin.listTopics()
    if (names.includes(SCHEMAS_TOPIC) && (await hasOwnSchemasOnly(log))) own.add(SCHEMAS_TOPIC)
    await log.admin.deleteTopics(names.filter((name) => own.has(name) || isInternal(name)))
  } finally {
    await log.close()
  }
}

async function hasOwnSchemasOnly(log: Log): Promise<boolean> {
  const registry = await createEmbeddedRegistry(createLogStore({ log, nowMs: Date.now }))
  try {
    const own = new Set<string>(SACCO_DEFINITIONS.map(({ fullName }) => fullName))
    return registry.state.subjects(true).every((subject) => own.has(subject))
  } finally {
    await registry.close()
  }
}
