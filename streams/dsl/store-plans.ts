import { checkName } from '../topology/names.ts'
import type { AnySerde, StorePlan } from './plan.ts'
import type { Recorder } from './recorder.ts'
import type { TableStoreOptions, WindowStoreOptions } from './types.ts'

export type AnyStoreOptions = string | (TableStoreOptions & WindowStoreOptions)

type StoreInput = {
  readonly store: AnyStoreOptions | undefined
  readonly key: AnySerde | undefined
  readonly value: AnySerde | undefined
}

export function loggingOf(logging: boolean | Readonly<Record<string, string>> = true): StorePlan['logging'] {
  if (logging === false) return undefined
  return logging === true ? {} : { config: logging }
}

/** The settings of a store whose name is given. */
export function storePlan(options: AnyStoreOptions | undefined, name: string, { key, value }: StoreInput): StorePlan {
  const given = typeof options === 'string' ? { name: options } : (options ?? {})
  return Object.freeze({
    name,
    isNamed: given.name !== undefined,
    keySerde: key,
    valueSerde: value,
    caching: given.historyRetentionMs === undefined && (given.caching ?? true),
    logging: loggingOf(given.logging),
    persistence: given.persistence,
    withHeaders: given.withHeaders,
    retentionMs: given.retentionMs,
    historyRetentionMs: given.historyRetentionMs,
  })
}

export function storeNameGiven(options: AnyStoreOptions | undefined): string | undefined {
  const name = typeof options === 'string' ? options : options?.name
  return name === undefined ? undefined : checkName('Store', name)
}

/** A store that is made in any case: its name is given, or generated and noted (Java: new MaterializedInternal). */
export function recordStore(recorder: Recorder, prefix: string, input: StoreInput): StorePlan {
  const given = storeNameGiven(input.store)
  const plan = storePlan(input.store, given ?? recorder.generateStore(prefix), input)
  if (given === undefined) recorder.noteGeneratedStore(plan.name, plan.logging !== undefined)
  return plan
}

/**
 * A store that is made only where the user names it. Options without a name count a number, as Java does.
 */
export function recordNamedStore(recorder: Recorder, prefix: string, input: StoreInput): StorePlan | undefined {
  if (input.store === undefined) return undefined
  const given = storeNameGiven(input.store)
  if (given !== undefined) return storePlan(input.store, given, input)
  recorder.generateStore(prefix)
  return undefined
}
