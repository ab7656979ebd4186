import { createAPI, type Reader, Writer } from '@platformatic/kafka'

/** The streams rebalance protocol (KIP-1071): StreamsGroupHeartbeat and StreamsGroupDescribe, version 0 of both. */
export const STREAMS_GROUP_HEARTBEAT = 88
export const STREAMS_GROUP_DESCRIBE = 89

export type TaskIds = { readonly subtopologyId: string; readonly partitions: readonly number[] }
export type Endpoint = { readonly host: string; readonly port: number }
export type TopicInfo = {
  readonly name: string
  /** 0 = as many as the broker derives. */
  readonly partitions: number
  /** 0 = the broker's default. */
  readonly replicationFactor: number
  readonly configs: readonly { readonly name: string; readonly value: string }[]
}
export type Subtopology = {
  readonly id: string
  readonly sourceTopics: readonly string[]
  readonly changelogTopics: readonly TopicInfo[]
  readonly repartitionSinkTopics: readonly string[]
  readonly repartitionSourceTopics: readonly TopicInfo[]
  /** Indexes into the lists above. */
  readonly copartitionGroups: readonly {
    readonly sourceTopics: readonly number[]
    readonly repartitionSourceTopics: readonly number[]
  }[]
}

export type HeartbeatRequest = {
  readonly groupId: string
  readonly memberId: string
  /** 0 joins, -1 leaves. */
  readonly memberEpoch: number
  readonly endpointInformationEpoch: number
  /** What follows is null where it has not changed since the last heartbeat. */
  readonly rebalanceTimeoutMs: number | null
  readonly topology: { readonly epoch: number; readonly subtopologies: readonly Subtopology[] } | null
  readonly owned: { readonly active: readonly TaskIds[]; readonly standby: readonly TaskIds[] } | null
  readonly processId: string | null
  readonly userEndpoint: Endpoint | null
}

export type EndpointPartitions = {
  readonly endpoint: Endpoint
  readonly active: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  readonly standby: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
}

export type HeartbeatResponse = {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly statuses: readonly { readonly code: number; readonly detail: string }[]
  readonly active: readonly TaskIds[] | null
  readonly standby: readonly TaskIds[] | null
  readonly warmup: readonly TaskIds[] | null
  readonly endpointInformationEpoch: number
  readonly partitionsByEndpoint: readonly EndpointPartitions[] | null
}

// Writing ------------------------------------------------------------------------------------------------------------

function writeHeartbeat(request: HeartbeatRequest): Writer {
  const writer = Writer.create()
    .appendString(request.groupId)
    .appendString(request.memberId)
    .appendInt32(request.memberEpoch)
    .appendInt32(request.endpointInformationEpoch)
    .appendString(null)
    .appendString(null)
    .appendInt32(request.rebalanceTimeoutMs ?? -1)
  writeTopology(writer, request.topology)
  const { owned } = request
  writeTasks(writer, owned?.active ?? null)
  writeTasks(writer, owned?.standby ?? null)
  writeTasks(writer, owned === null ? null : [])
  writer.appendString(request.processId)
  writeEndpoint(writer, request.userEndpoint)
  // Client tags, offsets of tasks and their ends: not used.
  writer.appendUnsignedVarInt(request.processId === null ? 0 : 1)
  writer.appendUnsignedVarInt(0).appendUnsignedVarInt(0)
  return writer.appendBoolean(false).appendTaggedFields()
}

/** A nullable structure begins with a byte: -1 = null. */
function writeTopology(writer: Writer, topology: HeartbeatRequest['topology']): void {
  if (topology === null) {
    writer.appendInt8(-1)
    return
  }
  writer.appendInt8(1).appendInt32(topology.epoch)
  writer.appendArray([...topology.subtopologies], (inner, each) => {
    inner.appendString(each.id)
    writeStrings(inner, each.sourceTopics)
    writeStrings(inner, [])
    writeTopics(inner, each.changelogTopics)
    writeStrings(inner, each.repartitionSinkTopics)
    writeTopics(inner, each.repartitionSourceTopics)
    inner.appendArray([...each.copartitionGroups], (group, { sourceTopics, repartitionSourceTopics }) => {
      writeIndexes(group, sourceTopics)
      writeIndexes(group, [])
      writeIndexes(group, repartitionSourceTopics)
    })
  })
  writer.appendTaggedFields()
}

function writeStrings(writer: Writer, texts: readonly string[]): void {
  writer.appendArray([...texts], (inner, text) => inner.appendString(text), true, false)
}

function writeIndexes(writer: Writer, indexes: readonly number[]): void {
  writer.appendArray([...indexes], (inner, index) => inner.appendInt16(index), true, false)
}

function writeTopics(writer: Writer, topics: readonly TopicInfo[]): void {
  writer.appendArray([...topics], (inner, topic) => {
    inner.appendString(topic.name).appendInt32(topic.partitions).appendInt16(topic.replicationFactor)
    inner.appendArray([...topic.configs], (pair, { name, value }) => {
      pair.appendString(name).appendString(value)
    })
  })
}

function writeTasks(writer: Writer, tasks: readonly TaskIds[] | null): void {
  writer.appendArray(tasks === null ? null : [...tasks], (inner, { subtopologyId, partitions }) => {
    inner.appendString(subtopologyId)
    inner.appendArray([...partitions], (list, partition) => list.appendInt32(partition), true, false)
  })
}

function writeEndpoint(writer: Writer, endpoint: Endpoint | null): void {
  if (endpoint === null) writer.appendInt8(-1)
  else writer.appendInt8(1).appendString(endpoint.host).appendUnsignedInt16(endpoint.port).appendTaggedFields()
}

// Reading ------------------------------------------------------------------------------------------------------------

function readTasks(reader: Reader): TaskIds[] | null {
  return reader.readNullableArray(readTaskIds)
}

function readTaskIds(reader: Reader): TaskIds {
  return { subtopologyId: reader.readString(), partitions: readPartitions(reader) }
}

function readPartitions(reader: Reader): number[] {
  return reader.readArray((inner) => inner.readInt32(), true, false)
}

function readEndpoint(reader: Reader): Endpoint {
  const endpoint = { host: reader.readString(), port: reader.readUnsignedInt16() }
  reader.readTaggedFields()
  return endpoint
}

function readHeartbeat(_c: number, _k: number, _v: number, reader: Reader): HeartbeatResponse {
  reader.readInt32()
  const errorCode = reader.readInt16()
  const errorMessage = reader.readNullableString()
  reader.readString()
  const memberEpoch = reader.readInt32()
  const heartbeatIntervalMs = reader.readInt32()
  reader.readInt32()
  reader.readInt32()
  const statuses = reader.readNullableArray((inner) => ({ code: inner.readInt8(), detail: inner.readString() })) ?? []
  return {
    errorCode,
    errorMessage,
    memberEpoch,
    heartbeatIntervalMs,
    statuses,
    active: readTasks(reader),
    standby: readTasks(reader),
    warmup: readTasks(reader),
    endpointInformationEpoch: reader.readInt32(),
    partitionsByEndpoint: reader.readNullableArray((inner) => ({
      endpoint: readEndpoint(inner),
      active: inner.readArray(readTopicPartitions),
      standby: inner.readArray(readTopicPartitions),
    })),
  }
}

function readTopicPartitions(reader: Reader): { topic: string; partitions: number[] } {
  return { topic: reader.readString(), partitions: readPartitions(reader) }
}

export const streamsGroupHeartbeatV0 = createAPI<[HeartbeatRequest], HeartbeatResponse>(
  STREAMS_GROUP_HEARTBEAT,
  0,
  writeHeartbeat,
  readHeartbeat,
)

// Describing ---------------------------------------------------------------------------------------------------------

export type DescribedMember = {
  readonly memberId: string
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly processId: string
  readonly userEndpoint: Endpoint | null
  readonly active: readonly TaskIds[]
  readonly standby: readonly TaskIds[]
  readonly targetActive: readonly TaskIds[]
}

export type DescribedGroup = {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly groupId: string
  readonly state: string
  readonly epoch: number
  readonly assignmentEpoch: number
  readonly members: readonly DescribedMember[]
}

function skipTopology(reader: Reader): void {
  const skipTopics = (inner: Reader): void => {
    inner.readArray((topic) => {
      topic.readString()
      topic.readInt32()
      topic.readInt16()
      topic.readArray((pair) => {
        pair.readString()
        pair.readString()
      })
    })
  }
  if (reader.readInt8() === -1) return
  reader.readInt32()
  reader.readNullableArray((sub) => {
    sub.readString()
    sub.readArray((inner) => inner.readString(), true, false)
    sub.readArray((inner) => inner.readString(), true, false)
    skipTopics(sub)
    skipTopics(sub)
  })
  reader.readTaggedFields()
}

function readAssignment(reader: Reader): { active: TaskIds[]; standby: TaskIds[] } {
  const active = reader.readArray(readTaskIds)
  const standby = reader.readArray(readTaskIds)
  reader.readArray(readTaskIds)
  reader.readTaggedFields()
  return { active, standby }
}

function readMember(reader: Reader): DescribedMember {
  const memberId = reader.readString()
  const memberEpoch = reader.readInt32()
  reader.readNullableString()
  reader.readNullableString()
  const clientId = reader.readString()
  const clientHost = reader.readString()
  reader.readInt32()
  const processId = reader.readString()
  const userEndpoint = reader.readInt8() === -1 ? null : readEndpoint(reader)
  reader.readArray((pair) => {
    pair.readString()
    pair.readString()
  })
  for (let list = 0; list < 2; list++) {
    reader.readArray((each) => {
      each.readString()
      each.readInt32()
      each.readInt64()
    })
  }
  const { active, standby } = readAssignment(reader)
  const target = readAssignment(reader)
  reader.readBoolean()
  const targetActive = target.active
  return { memberId, memberEpoch, clientId, clientHost, processId, userEndpoint, active, standby, targetActive }
}

function readDescription(_c: number, _k: number, _v: number, reader: Reader): DescribedGroup[] {
  reader.readInt32()
  return reader.readArray((inner) => {
    const errorCode = inner.readInt16()
    const errorMessage = inner.readNullableString()
    const groupId = inner.readString()
    const state = inner.readString()
    const epoch = inner.readInt32()
    const assignmentEpoch = inner.readInt32()
    skipTopology(inner)
    const members = inner.readArray(readMember)
    inner.readInt32()
    return { errorCode, errorMessage, groupId, state, epoch, assignmentEpoch, members }
  })
}

export const streamsGroupDescribeV0 = createAPI<[groups: readonly string[]], DescribedGroup[]>(
  STREAMS_GROUP_DESCRIBE,
  0,
  (groups: readonly string[]) =>
    Writer.create()
      .appendArray([...groups], (writer, group) => writer.appendString(group), true, false)
      .appendBoolean(false)
      .appendTaggedFields(),
  readDescription,
)
