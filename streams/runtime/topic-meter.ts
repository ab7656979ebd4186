import type { Bytes } from '../base/bytes.ts'
import type { Counter, Headers, Metrics } from '../ports/index.ts'
import { RECORD_OVERHEAD_BYTES } from './record-queue.ts'

/** What a record takes in the log beside its bytes, as Java counts it: timestamp, offset, partition. */
const CONSUMED_OVERHEAD_BYTES = 20
const PRODUCED_OVERHEAD_BYTES = 12

function headerBytes(headers: Headers): number {
  let bytes = 0
  for (const { key, value } of headers) bytes += key.length + (value?.length ?? 0)
  return bytes
}

/** Of records whose keys and values take `bytes` with the overhead of a queue. Headers are not counted (Java: they are). */
export function consumedBytes(records: number, bytes: number, topic: string): number {
  return bytes + records * (topic.length + CONSUMED_OVERHEAD_BYTES - RECORD_OVERHEAD_BYTES)
}

export function producedBytes(key: Bytes | null, value: Bytes | null, headers: Headers, topic: string): number {
  const own = (key?.length ?? 0) + (value?.length ?? 0) + topic.length + PRODUCED_OVERHEAD_BYTES
  return headers.length === 0 ? own : own + headerBytes(headers)
}

/** Records and bytes of one topic at one node (KIP-846). */
export class TopicMeter {
  readonly #records: Counter
  readonly #bytes: Counter

  constructor(
    metrics: Metrics,
    what: 'consumed' | 'produced',
    topic: string,
    nodeTags: Readonly<Record<string, string>>,
  ) {
    const group = 'stream-topic-metrics'
    const tags = { ...nodeTags, 'topic-name': topic }
    const description = `${what} from or to this topic`
    this.#records = metrics.counter({
      group,
      name: `records-${what}-total`,
      description: `Records ${description}`,
      tags,
    })
    this.#bytes = metrics.counter({ group, name: `bytes-${what}-total`, description: `Bytes ${description}`, tags })
  }

  add(records: number, bytes: number): void {
    this.#records.add(records)
    this.#bytes.add(bytes)
  }
}
