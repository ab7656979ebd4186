import { afterAll, describe, expect, test } from 'vitest'
import { SILENT_LOGGER } from '#streams/ports'
import { type Broker, startBroker, whyNoBroker } from '../../testing/broker/index.ts'
import { createKafkaLog } from './index.ts'

/** Brokers without streams groups: the application is told so at its start, and what to do. */
const reason = await whyNoBroker()
const brokers: Broker[] = []
afterAll(async () => {
  for (const broker of brokers) await broker.stop()
}, 30_000)

describe.skipIf(reason !== undefined)('a cluster without streams groups', () => {
  test.each([
    ['that switched the feature off', { features: { 'streams.version': 0 } }],
    ['that leaves the protocol out', { properties: { 'group.coordinator.rebalance.protocols': 'classic,consumer' } }],
  ])('%s', { timeout: 60_000 }, async (_name, options) => {
    const broker = await startBroker(options)
    brokers.push(broker)
    const log = await createKafkaLog({ brokers: [broker.brokers], clientId: 'old-broker' })
    const membership = log.membership({ group: 'g', memberId: 'm', processId: 'p', logger: SILENT_LOGGER })
    await expect(membership.join({ memberId: 'm', subTopologies: [] })).rejects.toMatchObject({
      code: 'LOG_REFUSED',
      message: expect.stringMatching(/streams groups .* switched off .* kafka-features.sh/),
    })
    await membership.leave()
    await log.close()
    await broker.stop()
  })
})
