/**
 * Apache Kafka: the `Log` port on a cluster of brokers, and membership of its streams groups (KIP-1071). Requests go
 * over the connections and codecs of @platformatic/kafka; batching, fetching, transactions and group membership are in
 * here. See docs/adr/0007-kafka.md.
 *
 * Not in here: an assignor, consensus, replication. The brokers do that.
 */
export type { Acl } from './acls.ts'
export { createKafkaLog, type KafkaLog } from './kafka-log.ts'
export { KAFKA_LIMITS, type KafkaLimits, type KafkaOptions, type SaslOptions } from './kafka-options.ts'
export type { KafkaGroupMembership, KafkaMembershipOptions } from './membership.ts'
export type {
  BrokerStatus,
  GroupListing,
  KafkaOperations,
  StreamsGroupDescription,
  StreamsGroupSettings,
  TopicHealth,
} from './operations.ts'
export { type Setting as TopicSetting, settingsOf as topicSettingsOf } from './topic-settings.ts'
export type { Endpoint, EndpointPartitions } from './wire-groups.ts'
