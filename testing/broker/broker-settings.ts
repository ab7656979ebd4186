/**
 * How long a dead broker is taken for alive: by the others, and by itself when it comes back, since it is not let in
 * again before. Brokers' default: 9 s.
 */
export const BROKER_SESSION_MS = 3_000

/** Small internal topics, short elections, no waiting for members that may still come. */
const COMMON: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
  'inter.broker.listener.name': 'PLAINTEXT',
  'broker.session.timeout.ms': String(BROKER_SESSION_MS),
  'broker.heartbeat.interval.ms': '500',
  'controller.quorum.election.timeout.ms': '1000',
  'controller.quorum.fetch.timeout.ms': '2000',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '0',
  'group.streams.initial.rebalance.delay.ms': '0',
  'group.streams.heartbeat.interval.ms': '500',
  'group.streams.min.heartbeat.interval.ms': '100',
  'group.streams.session.timeout.ms': '6000',
  'group.streams.min.session.timeout.ms': '1000',
  'log.cleaner.dedupe.buffer.size': '8388608',
  'auto.create.topics.enable': 'false',
  // Event times of tests are what they are, also years from now; by default brokers refuse more than an hour.
  'log.message.timestamp.after.max.ms': '9223372036854775807',
  // Events of tests are years old: nothing of them is to go by age while a test runs.
  'log.retention.ms': '-1',
}

export type NodePlace = { readonly id: number; readonly port: number; readonly controllerPort: number }

/** Settings of one node among `nodes`; with three or more of them everything has three replicas, two in sync. */
export function brokerSettings(
  { id, port, controllerPort }: NodePlace,
  nodes: readonly NodePlace[],
  logDirectory: string,
): Record<string, string> {
  const replicas = String(Math.min(3, nodes.length))
  const inSync = nodes.length >= 3 ? '2' : '1'
  return {
    ...COMMON,
    'node.id': String(id),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.quorum.voters': nodes.map((node) => `${node.id}@127.0.0.1:${node.controllerPort}`).join(),
    'log.dirs': logDirectory,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
  }
}
