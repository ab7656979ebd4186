import type { RegisteredSchemas } from '#schemas'
import type { StoreSpec } from '#streams'
import type { Bytes } from '#streams/base'
import type { Log } from '#streams/ports'
import { createSaccoStores } from '#topologies/sacco'
import { readTopics } from '../platform/read-topic.ts'

/** A key-value store as its changelog has it: the last value of each key, by partition. */
export type StoreContents<V> = {
  readonly name: string
  readonly changelog: string
  readonly entries: readonly { readonly partition: number; readonly key: string; readonly value: V }[]
}

type KeyValueSpec<V> = StoreSpec & {
  readonly kind: 'key-value'
  readonly timestamped: boolean
  readonly valueSerde: { deserialize(bytes: Bytes, topic: string): V }
}

export function changelogOf(applicationId: string, store: string): string {
  return `${applicationId}-${store}-changelog`
}

export async function readStore<V>(log: Log, applicationId: string, spec: KeyValueSpec<V>): Promise<StoreContents<V>> {
  const changelog = changelogOf(applicationId, spec.name)
  const last = new Map<string, Bytes>()
  const decoder = new TextDecoder()
  await readTopics({
    log,
    topics: [changelog],
    onRecord: ({ key, value }, { partition }) => {
      if (key === null) return
      const id = `${partition}|${decoder.decode(key)}`
      if (value === null) last.delete(id)
      else last.set(id, value)
    },
  })
  const entries = [...last].map(([id, bytes]) => {
    const cut = id.indexOf('|')
    const value = spec.valueSerde.deserialize(bytes, changelog)
    return { partition: Number(id.slice(0, cut)), key: id.slice(cut + 1), value }
  })
  return { name: spec.name, changelog, entries }
}

export const saccoStores = (schemas: RegisteredSchemas) => createSaccoStores(schemas)
