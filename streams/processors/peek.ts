import type { Processor, ProcessorContext, ProcessorSupplier } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'

type Action<K, V> = (key: K, value: V) => void

/** Calls the action, then passes the record on unchanged. */
export function peek<K, V>(action: Action<K, V>): ProcessorSupplier<K, V, K, V> {
  return { get: () => new PeekProcessor(action) }
}

/** Calls the action; nothing goes further. */
export function forEach<K, V>(action: Action<K, V>): ProcessorSupplier<K, V, never, never> {
  return {
    get: () => ({ process: (record) => action(record.key, record.value) }),
  }
}

export type PrintOptions<K, V> = {
  /** Put before each line in brackets: `[label]: key, value`. Java's default is the name of the parent node. */
  readonly label: string
  /** The text of a record; default `key, value`, objects as JSON (they have no toString as in Java). */
  readonly format?: (key: K, value: V) => string
  /** Takes one line; default: the task's logger, level info. */
  readonly write?: (line: string) => void
}

/** Writes each record as a line of text. For development. */
export function print<K, V>({ label, format, write }: PrintOptions<K, V>): ProcessorSupplier<K, V, never, never> {
  const textOf = format ?? ((key: K, value: V) => `${shown(key)}, ${shown(value)}`)
  return {
    get() {
      let writeLine: (line: string) => void
      return {
        init: (context) => {
          writeLine = write ?? ((line) => context.logger.info(line))
        },
        process: (record) => writeLine(`[${label}]: ${textOf(record.key, record.value)}`),
      }
    },
  }
}

function shown(data: unknown): string {
  if (typeof data !== 'object' || data === null) return String(data)
  return JSON.stringify(data, (_name, part: unknown) => (typeof part === 'bigint' ? String(part) : part))
}

class PeekProcessor<K, V> implements Processor<K, V, K, V> {
  readonly #action: Action<K, V>
  #context!: ProcessorContext<K, V>

  constructor(action: Action<K, V>) {
    this.#action = action
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, V>): void {
    const action = this.#action
    action(record.key, record.value)
    this.#context.forward(record)
  }
}
