import type { LogRecord, Serde } from '../ports/index.ts'

/** Loads what deserialising these records will need (schemas). Undefined if nothing is missing, as it is mostly. */
export function prepareRecords(
  topic: string,
  records: readonly LogRecord[],
  keySerde: Pick<Serde<unknown>, 'prepare'>,
  valueSerde: Pick<Serde<unknown>, 'prepare'>,
): Promise<void> | undefined {
  if (keySerde.prepare === undefined && valueSerde.prepare === undefined) return undefined
  const loads: Promise<void>[] = []
  for (const { key, value } of records) {
    const keyLoad = key === null ? undefined : keySerde.prepare?.(key, topic)
    const valueLoad = value === null ? undefined : valueSerde.prepare?.(value, topic)
    if (keyLoad !== undefined) loads.push(keyLoad)
    if (valueLoad !== undefined) loads.push(valueLoad)
  }
  return loads.length === 0 ? undefined : Promise.all(loads).then(() => undefined)
}
