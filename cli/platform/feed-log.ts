import type { MessagePort } from 'node:worker_threads'
import { createLogClient } from '#connectors/embedded-log'
import { createKafkaLog, type KafkaOptions } from '#connectors/kafka'
import { nodeClock } from '#host'
import type { Log } from '#streams/ports'

/** The way of a feeder's thread to the log: plain data, but for the port, which is transferred. */
export type FeedLog =
  | { readonly kind: 'embedded'; readonly port: MessagePort }
  | { readonly kind: 'kafka'; readonly options: Omit<KafkaOptions, 'clientId'> }

export async function connectFeedLog(way: FeedLog): Promise<Log> {
  return way.kind === 'embedded'
    ? createLogClient(way.port, nodeClock)
    : createKafkaLog({ ...way.options, clientId: 'mto-load' })
}
