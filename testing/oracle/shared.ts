import { type KTable, nullable, type StreamsBuilder, serdes, type TableStoreOptions, type Windowed } from '#streams'
import type { Text } from './text.ts'

export const SECOND_MS = 1000

/** Topics of the oracle hold null keys and null values as data. */
export const text = nullable(serdes.string)
export const TEXT = { key: text, value: text } as const

export const stream = (builder: StreamsBuilder, topic: string) => builder.stream(topic, TEXT)

export const table = (builder: StreamsBuilder, topic: string, store: string | TableStoreOptions) =>
  builder.table(topic, { key: serdes.string, value: serdes.string, store })

/** The table's changes, as text. */
export function tableTo<V extends string | number>(result: KTable<string, V>, topic = 'out'): void {
  result
    .toStream()
    .mapValues((value): Text => (value === null ? null : String(value)), { value: text })
    .to(topic)
}

/** `key@start-end` */
export const windowText = ({ key, window }: Windowed<string>): string => `${key}@${window.startMs}-${window.endMs}`

export function windowsTo<V extends string | number>(result: KTable<Windowed<string>, V>, topic = 'out'): void {
  result
    .toStream()
    .selectKey(windowText, { key: serdes.string })
    .mapValues((value): Text => (value === null ? null : String(value)), { value: text })
    .to(topic)
}
