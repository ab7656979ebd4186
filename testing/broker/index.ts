/**
 * A real Kafka broker for tests and development: the one that KAFKA_BROKERS names, or one started from Maven Central's
 * jars with Java 17, or in a container. Not in here: anything that pretends to be a broker.
 */
export { type AnyBroker, anyBroker, whyNoBrokerAtAll } from './any-broker.ts'
export { brokerJars, KAFKA_VERSION, whyNoBroker } from './broker-jars.ts'
export { freePort } from './broker-process.ts'
export { BROKER_SESSION_MS } from './broker-settings.ts'
export { startDockerBroker, whyNoDocker } from './docker-broker.ts'
export { type Broker, type BrokerOptions, startBroker } from './start-broker.ts'
export { type Cluster, type ClusterOptions, startCluster } from './start-cluster.ts'
