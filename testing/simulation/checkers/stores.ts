import { hexOf, parseTaskId, type TaskId, utf8Decode, utf8Encode } from '#streams/base'
import type { StateDatabase } from '#streams/ports'
import { POSITIONS_KEYSPACE } from '#streams/runtime'
import type { FinishedRun } from './finished-run.ts'
import { NO_COLLECTOR, openScratchTask, SetClock, storesOf } from './scratch-task.ts'

/**
 * On every machine, also where a task was long ago: a persistent store holds what its changelog says up to the position
 * that is stored beside it, no more and no less. And where it has reached the end, what the undisturbed run holds.
 */
export async function checkStores(run: FinishedRun, id: TaskId, undisturbed: StateDatabase): Promise<void> {
  const persistent = storesOf(run.resolved, id).filter(({ persistence }) => persistence === 'persistent')
  if (persistent.length === 0) return
  const { partition } = parseTaskId(id)
  for (const { name: directory, engine } of run.directories) {
    if (!(await engine.list()).includes(id)) continue
    const database = await engine.open(id, [POSITIONS_KEYSPACE, ...persistent.map(({ name }) => name)])
    const scratch = openScratchTask(run, id, { collector: NO_COLLECTOR, clock: new SetClock(), globals: new Map() })
    for (const { topic, storeName } of scratch.task.changelogs) {
      const changelog = run.partitions.get(`${topic}/${partition}`)
      const position = positionOf(database, storeName)
      if (changelog === undefined || position === undefined || !persistent.some(({ name }) => name === storeName))
        continue
      const place = `store ${storeName} of task ${id} on ${directory}`
      const records = changelog.records.filter(({ record }) => record.offset < position).map(({ record }) => record)
      scratch.task.stores.restore(storeName, records, position)
      const isVersioned = persistent.some(({ name, kind }) => name === storeName && kind === 'versioned')
      const actual = dump(database, storeName, isVersioned)
      const expected = dump(scratch.database, storeName, isVersioned)
      let difference = differenceOf(actual, expected)
      if (difference !== undefined && run.world.faultsByKind.has('compaction')) {
        // Restored in part from a compacted changelog: what later records replace may be missing already.
        const later = changelog.records.filter(({ record }) => record.offset >= position).map(({ record }) => record)
        scratch.task.stores.restore(storeName, later, changelog.endOffset)
        const complete = dump(scratch.database, storeName, isVersioned)
        difference = differenceOf(actual, expected, (key) => complete.get(key) !== expected.get(key))
      }
      if (difference !== undefined)
        run.world.violation('store', `${place} is not the fold of ${topic} up to ${position}: ${difference}`)
      const isComplete = records.length === changelog.records.length
      const other = isComplete ? differenceOf(actual, dump(undisturbed, storeName, isVersioned)) : undefined
      if (other !== undefined) run.world.violation('store', `${place} is not what it is undisturbed: ${other}`)
    }
    scratch.task.close()
    await database.close()
  }
}

function positionOf(database: StateDatabase, storeName: string): number | undefined {
  const saved = database.keyspace(POSITIONS_KEYSPACE).get(utf8Encode(storeName))
  if (saved === undefined) return undefined
  return (JSON.parse(utf8Decode(saved)) as { readonly offset: number | null }).offset ?? undefined
}

function differenceOf(
  actual: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
  isExcused: (key: string) => boolean = () => false,
): string | undefined {
  for (const [key, value] of expected)
    if (actual.get(key) !== value && !isExcused(key)) return `${key}: ${actual.get(key)}, not ${value}`
  for (const [key, value] of actual) if (!expected.has(key) && !isExcused(key)) return `${key}: ${value}, not nothing`
  return undefined
}

/**
 * A version that was deleted, in the history of a versioned store. It reads as if it were not there, and whether it is
 * depends on where commits fell.
 */
const DELETED_VERSION = '00'

function dump(database: StateDatabase, keyspace: string, hidesDeleted: boolean): ReadonlyMap<string, string> {
  const entries = new Map<string, string>()
  const iterator = database.keyspace(keyspace).iterate({})
  try {
    while (iterator.next()) {
      const key = hexOf(iterator.key, iterator.key.length)
      const value = hexOf(iterator.value, iterator.value.length)
      if (!(hidesDeleted && value === DELETED_VERSION)) entries.set(key, value)
    }
  } finally {
    iterator.close()
  }
  return entries
}
