import { type Bytes, readInt32, writeInt32 } from '../base/index.ts'
import type { Headers, Serde } from '../ports/index.ts'

/**
 * What foreign-key joins write, byte for byte as Java (KIP-213, KIP-775): the values of the subscription and response
 * topics, and the keys of the subscription store.
 */

/** What the right side must do with a subscription. The numbers are those on the wire. */
export const INSTRUCTION = {
  /** Unsubscribe, no answer. */
  deleteKeyNoPropagate: 0,
  /** Unsubscribe, answer null. */
  deleteKeyAndPropagate: 1,
  /** Subscribe, answer the foreign value, or null where there is none. */
  propagateNullIfNoForeignValue: 2,
  /** Subscribe, answer only where there is a foreign value. */
  propagateOnlyIfForeignValue: 3,
} as const
export type Instruction = (typeof INSTRUCTION)[keyof typeof INSTRUCTION]

/** Java: SubscriptionWrapper. */
export type Subscription<K> = {
  /** 0 (Kafka Streams before 3.4) has no primaryPartition. */
  readonly version: 0 | 1
  /** murmur3 of the left value's bytes, 16 bytes; null where the left value is null. */
  readonly hash: Bytes | null
  readonly instruction: Instruction
  readonly primaryKey: K
  /** Partition of the left table's record: the answer goes back there. */
  readonly primaryPartition: number | null
}

/** Java: SubscriptionResponseWrapper. `primaryPartition` is not written: it only chooses the partition. */
export type SubscriptionResponse<VO> = {
  readonly version: 0
  readonly hash: Bytes | null
  readonly foreignValue: VO | null
  readonly primaryPartition: number | null
}

export type CombinedKey<KO, K> = { readonly foreignKey: KO; readonly primaryKey: K }

/**
 * The topics under which Java's serdes serialize the parts (a schema registry makes subjects of them), whatever topic
 * the whole is written to: `<application id>-<subscription topic>` with `-fk` (foreign key), `-pk` (primary key), `-vh`
 * (left value, to be hashed).
 */
export type PartTopics = { readonly foreignKey: string; readonly primaryKey: string; readonly valueHash: string }

/** `prefix`: the application id and a dash. */
export function partTopicsOf(prefix: string, subscriptionTopic: string): PartTopics {
  const whole = `${prefix}${subscriptionTopic}`
  return { foreignKey: `${whole}-fk`, primaryKey: `${whole}-pk`, valueHash: `${whole}-vh` }
}

/** A serde is told the topic only, so the application id is what stands before the name that it knows. */
function partTopicsFinder(subscriptionTopic: string, storeName: string): (topic: string) => PartTopics {
  const changelog = `${storeName}-changelog`
  let lastTopic: string | undefined
  let last = partTopicsOf('', subscriptionTopic)
  return (topic) => {
    if (topic === lastTopic) return last
    const known = [subscriptionTopic, changelog].find((name) => topic.endsWith(name))
    const prefix = known === undefined ? '' : topic.slice(0, topic.length - known.length)
    lastTopic = topic
    last = partTopicsOf(prefix, subscriptionTopic)
    return last
  }
}

const HASH_BYTES = 16
const INT32_BYTES = 4
/** Bit of the first byte, beside the version. */
const NO_HASH = 0x80
const SUBSCRIPTION_VERSION_MAX = 1
const RESPONSE_VERSION_MAX = 0

export type ForeignKeySerdeOptions = {
  /** Undecorated, ends in `-topic`. */
  readonly subscriptionTopic: string
  /** Of the subscription store. */
  readonly storeName: string
}

/**
 * Value of the subscription topic and (timestamped) of the subscription store:
 *
 *     version, with 0x80 = no hash | instruction | hash, 16 bytes | primary key | int32 primary partition (version 1)
 */
export function subscriptionSerde<K>(keySerde: Serde<K>, options: ForeignKeySerdeOptions): Serde<Subscription<K>> {
  const partTopics = partTopicsFinder(options.subscriptionTopic, options.storeName)
  const keyBytesOf = (bytes: Bytes): Bytes => {
    const version = readVersion(bytes, SUBSCRIPTION_VERSION_MAX, 'a foreign-key subscription')
    const from = 2 + hashLength(bytes)
    const to = version === 0 ? bytes.length : bytes.length - INT32_BYTES
    if (to < from) throw new Error(`a foreign-key subscription of version ${version} is cut off: ${bytes.length} bytes`)
    return bytes.subarray(from, to)
  }
  return {
    name: `subscription(${keySerde.name})`,
    serialize(subscription, topic, headers) {
      const key = keySerde.serialize(subscription.primaryKey as NonNullable<K>, partTopics(topic).primaryKey, headers)
      return encodeSubscription(subscription, key)
    },
    deserialize(bytes, topic, headers) {
      const version = readVersion(bytes, SUBSCRIPTION_VERSION_MAX, 'a foreign-key subscription')
      return {
        version: version as 0 | 1,
        hash: readHash(bytes, 2),
        instruction: readInstruction(bytes),
        primaryKey: keySerde.deserialize(keyBytesOf(bytes), partTopics(topic).primaryKey, headers),
        primaryPartition: version === 0 ? null : readPartition(bytes, bytes.length - INT32_BYTES),
      }
    },
    ...(keySerde.prepare === undefined
      ? {}
      : {
          prepare: (bytes, topic) => {
            const key = ifReadable(() => keyBytesOf(bytes))
            return key === undefined ? undefined : keySerde.prepare?.(key, partTopics(topic).primaryKey)
          },
        }),
  }
}

function encodeSubscription<K>({ version, hash, instruction, primaryPartition }: Subscription<K>, key: Bytes): Bytes {
  const keyAt = 2 + (hash === null ? 0 : HASH_BYTES)
  const bytes = new Uint8Array(keyAt + key.length + (version === 0 ? 0 : INT32_BYTES))
  bytes[0] = hash === null ? version | NO_HASH : version
  bytes[1] = instruction
  if (hash !== null) bytes.set(hash, 2)
  bytes.set(key, keyAt)
  if (version !== 0) {
    if (primaryPartition === null)
      throw new Error('a foreign-key subscription of version 1 needs its primary partition')
    writeInt32(bytes, keyAt + key.length, primaryPartition)
  }
  return bytes
}

/**
 * Value of the response topic:
 *
 *     version, with 0x80 = no hash | hash, 16 bytes | foreign value; nothing = null
 */
export function subscriptionResponseSerde<VO>(valueSerde: Serde<VO>): Serde<SubscriptionResponse<VO>> {
  return {
    name: `subscription-response(${valueSerde.name})`,
    serialize: ({ version, hash, foreignValue }, topic, headers) =>
      encodeResponse(
        version,
        hash,
        foreignValue === null ? null : serializeValue(valueSerde, foreignValue, topic, headers),
      ),
    deserialize(bytes, topic, headers) {
      readVersion(bytes, RESPONSE_VERSION_MAX, 'a foreign-key response')
      const valueAt = 1 + hashLength(bytes)
      return {
        version: 0,
        hash: readHash(bytes, 1),
        foreignValue: bytes.length === valueAt ? null : valueSerde.deserialize(bytes.subarray(valueAt), topic, headers),
        primaryPartition: null,
      }
    },
    ...(valueSerde.prepare === undefined
      ? {}
      : {
          prepare: (bytes, topic) => {
            const valueAt = 1 + hashLength(bytes)
            return bytes.length <= valueAt ? undefined : valueSerde.prepare?.(bytes.subarray(valueAt), topic)
          },
        }),
  }
}

/** For what runs ahead of reading: what is unreadable is reported when it is read, where a handler is asked. */
function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function serializeValue<V>(serde: Serde<V>, value: V, topic: string, headers: Headers | undefined): Bytes {
  return serde.serialize(value as NonNullable<V>, topic, headers)
}

function encodeResponse(version: number, hash: Bytes | null, value: Bytes | null): Bytes {
  const valueAt = 1 + (hash === null ? 0 : HASH_BYTES)
  const bytes = new Uint8Array(valueAt + (value === null ? 0 : value.length))
  bytes[0] = hash === null ? version | NO_HASH : version
  if (hash !== null) bytes.set(hash, 1)
  if (value !== null) bytes.set(value, valueAt)
  return bytes
}

/**
 * Key of the subscription store: `int32 length of the foreign key | foreign key | primary key`. So all subscriptions
 * to a foreign key lie together. Java: CombinedKeySchema.
 */
export function combinedKeySerde<KO, K>(
  foreignKeySerde: Serde<KO>,
  keySerde: Serde<K>,
  options: ForeignKeySerdeOptions,
): Serde<CombinedKey<KO, K>> {
  const partTopics = partTopicsFinder(options.subscriptionTopic, options.storeName)
  return {
    name: `combined-key(${foreignKeySerde.name}, ${keySerde.name})`,
    serialize({ foreignKey, primaryKey }, topic, headers) {
      const topics = partTopics(topic)
      const foreignBytes = foreignKeySerde.serialize(foreignKey as NonNullable<KO>, topics.foreignKey, headers)
      const primaryBytes = keySerde.serialize(primaryKey as NonNullable<K>, topics.primaryKey, headers)
      const bytes = new Uint8Array(INT32_BYTES + foreignBytes.length + primaryBytes.length)
      writeInt32(bytes, 0, foreignBytes.length)
      bytes.set(foreignBytes, INT32_BYTES)
      bytes.set(primaryBytes, INT32_BYTES + foreignBytes.length)
      return bytes
    },
    deserialize(bytes, topic, headers) {
      const topics = partTopics(topic)
      const primaryAt = INT32_BYTES + readInt32(bytes, 0)
      if (primaryAt < INT32_BYTES || primaryAt > bytes.length) {
        throw new Error(
          `a combined key of ${bytes.length} bytes says that its foreign key has ${primaryAt - INT32_BYTES}`,
        )
      }
      return {
        foreignKey: foreignKeySerde.deserialize(bytes.subarray(INT32_BYTES, primaryAt), topics.foreignKey, headers),
        primaryKey: keySerde.deserialize(bytes.subarray(primaryAt), topics.primaryKey, headers),
      }
    },
  }
}

/** What all combined keys of a foreign key start with: for prefix scans, never read. */
export function combinedKeyPrefixSerde<KO>(foreignKeySerde: Serde<KO>, options: ForeignKeySerdeOptions): Serde<KO> {
  const partTopics = partTopicsFinder(options.subscriptionTopic, options.storeName)
  return {
    name: `combined-key-prefix(${foreignKeySerde.name})`,
    serialize(foreignKey, topic, headers) {
      const foreignBytes = foreignKeySerde.serialize(foreignKey, partTopics(topic).foreignKey, headers)
      const bytes = new Uint8Array(INT32_BYTES + foreignBytes.length)
      writeInt32(bytes, 0, foreignBytes.length)
      bytes.set(foreignBytes, INT32_BYTES)
      return bytes
    },
    deserialize: () => {
      throw new Error('the prefix of a combined key is never read')
    },
  }
}

function readVersion(bytes: Bytes, versionMax: number, what: string): number {
  const version = (bytes[0] ?? NO_HASH - 1) & (NO_HASH - 1)
  if (version > versionMax) {
    throw new Error(`${what} has version ${version}, but only versions up to ${versionMax} are known`)
  }
  return version
}

function hashLength(bytes: Bytes): number {
  return ((bytes[0] as number) & NO_HASH) === 0 ? HASH_BYTES : 0
}

/** A copy: the bytes belong to the caller. */
function readHash(bytes: Bytes, at: number): Bytes | null {
  if (hashLength(bytes) === 0) return null
  if (bytes.length < at + HASH_BYTES) throw new Error(`a hash of ${HASH_BYTES} bytes was expected at byte ${at}`)
  return bytes.slice(at, at + HASH_BYTES)
}

function readPartition(bytes: Bytes, at: number): number {
  const partition = readInt32(bytes, at)
  if (partition < 0) throw new Error(`${partition} is no partition of a foreign-key subscription`)
  return partition
}

function readInstruction(bytes: Bytes): Instruction {
  const instruction = bytes[1]
  if (instruction === undefined || instruction > INSTRUCTION.propagateOnlyIfForeignValue) {
    throw new Error(`${String(instruction)} is no instruction of a foreign-key subscription`)
  }
  return instruction as Instruction
}
