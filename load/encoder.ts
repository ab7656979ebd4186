import {
  createTopicSerde,
  definitionsOfTopic,
  type EventDefinition,
  type RegisteredSchemas,
  SACCO_TOPICS,
  type SaccoEvent,
  type SaccoTopicName,
} from '#schemas'
import { assert, type Bytes, writeInt32 } from '#streams/base'
import type { LoadRecord } from './records.ts'

/** Schema ids that registries do not give out in a lifetime: they count up from 1. */
const UNKNOWN_SCHEMA_ID = 0x7ffffff0
const SCHEMA_ID_OFFSET = 1

/** Turns records into the bytes of their values; those that are to be undecodable come out so. */
export function createEncoder(schemas: RegisteredSchemas): (record: LoadRecord) => Bytes {
  const serdes = new Map(SACCO_TOPICS.map(({ name }) => [name, createTopicSerde(name as SaccoTopicName, schemas)]))
  const serialize = (record: LoadRecord): Bytes => {
    const serde = serdes.get(record.topic) as { serialize(event: SaccoEvent, topic: string): Bytes } | undefined
    assert(serde !== undefined, `there is no topic ${record.topic}`)
    return serde.serialize(record.event, record.topic)
  }
  return (record) => {
    switch (record.kind) {
      case 'undecodable':
        assert(record.bytes !== undefined, 'an undecodable record has its bytes')
        return record.bytes
      case 'unknown-schema': {
        const bytes = serialize(record)
        writeInt32(bytes, SCHEMA_ID_OFFSET, UNKNOWN_SCHEMA_ID)
        return bytes
      }
      case 'wrong-type': {
        const bytes = serialize(record)
        writeInt32(bytes, SCHEMA_ID_OFFSET, schemas.idOf(otherTypeThan(record)))
        return bytes
      }
      default:
        return serialize(record)
    }
  }
}

/** A type that the topic holds too: the id is known there, but the bytes are not of it. */
function otherTypeThan(record: LoadRecord): EventDefinition {
  const type = record.event.event_type
  const other = definitionsOfTopic(record.topic).find((definition) => definition.type !== type)
  assert(other !== undefined, `topic ${record.topic} has only one type of event`)
  return other
}
