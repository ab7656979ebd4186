import { StreamsError } from '#streams/base'
import type { Clock, Consumer, Log, LogAdmin, Producer } from '#streams/ports'
import { LogConsumer } from './consumer.ts'
import { LogProducer } from './producer.ts'
import type { LogTransport } from './protocol.ts'

/** The `Log` port over any way to reach the owner. */
export function createLog(transport: LogTransport, clock: Clock): Log {
  const open = new Set<Consumer | Producer>()
  let consumers = 0
  let closed = false
  const assertOpen = (): void => {
    if (closed) throw new StreamsError('CLOSED', 'This client of the log is closed.')
  }
  const onClose = (closing: Consumer | Producer): void => void open.delete(closing)
  return {
    admin: createAdmin(transport),
    async createConsumer(options) {
      assertOpen()
      const consumer = new LogConsumer({ transport, options, id: consumers++, onClose })
      open.add(consumer)
      return consumer
    },
    async createProducer(options) {
      assertOpen()
      const { transactionalId } = options
      const epoch =
        transactionalId === undefined ? undefined : (await transport.call('openProducer', { transactionalId })).epoch
      const producer = new LogProducer({ transport, clock, options, epoch, onClose })
      open.add(producer)
      return producer
    },
    async close() {
      if (closed) return
      closed = true
      const ends = await Promise.allSettled([...open].map((each) => each.close()))
      transport.close()
      for (const end of ends) if (end.status === 'rejected') throw end.reason
    },
  }
}

function createAdmin(transport: LogTransport): LogAdmin {
  return {
    createTopics: (specs) => transport.call('createTopics', specs),
    deleteTopics: (names) => transport.call('deleteTopics', names),
    async describeTopics(names) {
      const topics = await transport.call('topics', { names })
      return new Map(topics.map(({ name, partitions, config }) => [name, { name, partitions, config }]))
    },
    listTopics: () => transport.call('listTopics', undefined),
    startOffsets: (partitions) => transport.call('startOffsets', partitions),
    endOffsets: (partitions) => transport.call('endOffsets', partitions),
    offsetsForTimes: (partitions) => transport.call('offsetsForTimes', partitions),
    deleteRecords: (before) => transport.call('deleteRecords', before),
    listGroups: () => transport.call('listGroups', undefined),
    committedOffsets: (group, partitions) => transport.call('committedOffsets', { group, partitions }),
    alterCommittedOffsets: (group, offsets) => transport.call('alterCommittedOffsets', { group, offsets }),
    deleteGroup: (group) => transport.call('deleteGroup', { group }),
  }
}
