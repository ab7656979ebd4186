/**
 * Apache Kafka: the `Log` port on a cluster of brokers, and membership of its streams groups (KIP-1071). Requests go
 * over the connections and codecs of @platformatic/kafka; batching, fetching, transactions and group membership are in
 * here. See docs/adr/0007-kafka.md.
 *
 * Not in here: an assignor, consensus, replication. The brokers do that.
 */
export { createKafkaLog } from './kafka-log.ts'
export { KAFKA_LIMITS, type KafkaLimits, type KafkaOptions, type SaslOptions } from './kafka-options.ts'
