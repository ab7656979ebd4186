import { partitionForKey, utf8Encode } from '#streams/base'
import { type Log, NO_HEADERS } from '#streams/ports'
import { benchEvent, EVENTS_TOPIC, eventSerde, MEMBERS, MEMBERS_TOPIC, memberOf } from '../topologies/event.ts'
import type { WriteStep } from './plan.ts'

const BUFFER_BYTES_MAX = 64_000_000
const BUFFER_BYTES_FULL = 8_000_000
const LIMIT_MINOR = 2_500_000

/** The table that peer and join look members up in. */
export async function writeMembers(log: Log, partitions: number): Promise<void> {
  await write(log, partitions, MEMBERS_TOPIC, (send) => {
    let member = 0
    return () => {
      if (member === MEMBERS) return false
      send(memberOf(member), utf8Encode(JSON.stringify({ name: `Member ${member}`, limitMinor: LIMIT_MINOR })), 0)
      member++
      return true
    }
  })
}

export async function writeEvents(log: Log, partitions: number, step: WriteStep): Promise<void> {
  const { from, events, keys, isInTurn = false } = step
  await write(log, partitions, EVENTS_TOPIC, (send) => {
    let number = from
    return () => {
      if (number === from + events) return false
      const random = benchEvent(number, keys)
      const event = isInTurn ? { ...random, memberId: memberOf(number, keys) } : random
      send(event.memberId, eventSerde.serialize(event, EVENTS_TOPIC), number)
      number++
      return true
    }
  })
}

type Send = (key: string, value: Uint8Array, timestampMs: number) => void

/** `begin` gives what sends the next record, and says whether there was one. */
async function write(log: Log, partitions: number, topic: string, begin: (send: Send) => () => boolean): Promise<void> {
  const producer = await log.createProducer({ clientId: 'bench-inputs', bufferBytesMax: BUFFER_BYTES_MAX })
  await producer.prepareTopics([topic])
  const next = begin((key, value, timestampMs) => {
    const bytes = utf8Encode(key)
    producer.send(topic, partitionForKey(bytes, partitions), bytes, value, timestampMs, NO_HEADERS)
  })
  while (next()) if (producer.bytesBuffered > BUFFER_BYTES_FULL) await producer.flush()
  await producer.flush()
  await producer.close()
}
