import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { chooseStateEngine } from '#state-stores'
import type { Topology } from '#streams'
import { type Bytes, equalBytes, utf8Decode, utf8Encode } from '#streams/base'
import type { Log, StateDatabase } from '#streams/ports'
import { POSITIONS_KEYSPACE } from '#streams/runtime'
import { readTopics } from '../platform/read-topic.ts'
import type { Checks } from './differences.ts'
import { changelogOf } from './store-contents.ts'

export const STATE_CHECK = 'stores on disk equal their changelogs'

type Options = {
  readonly log: Log
  readonly dataDirectory: string
  readonly applicationId: string
  readonly topology: Topology
  readonly stores: readonly string[]
  readonly checks: Checks
}

type StoreOnDisk = { readonly content: Map<string, Bytes>; readonly position: number }

/**
 * Compares each store with the fold of its changelog up to the position that the store says it has: after a clean stop
 * that is all of it, after a crash an earlier commit, and either way the two must be the same bytes.
 */
export async function checkStateOnDisk(options: Options): Promise<void> {
  const { log, dataDirectory, applicationId, checks } = options
  checks.declare(STATE_CHECK)
  const directory = join(dataDirectory, 'state', applicationId)
  const exists = await access(directory).then(
    () => true,
    () => false,
  )
  // Local state is a copy: a directory without it is restored from the changelogs at the next start.
  if (!exists) return
  const onDisk = await readStores(options, directory)
  const folds = new Map<string, Map<string, Bytes>>([...onDisk.keys()].map((name) => [name, new Map()]))
  await readTopics({
    log,
    topics: options.stores.map((store) => changelogOf(applicationId, store)),
    onRecord: ({ offset, key, value }, { topic, partition }) => {
      const name = `${topic}-${partition}`
      const fold = folds.get(name)
      if (fold === undefined || key === null || offset >= (onDisk.get(name)?.position ?? 0)) return
      if (value === null) fold.delete(utf8Decode(key))
      else fold.set(utf8Decode(key), value)
    },
  })
  for (const [name, { content }] of onDisk) compare(name, content, folds.get(name) ?? new Map(), checks)
}

async function readStores(options: Options, directory: string): Promise<ReadonlyMap<string, StoreOnDisk>> {
  const { applicationId, topology, stores } = options
  const { engine } = chooseStateEngine({ directory })
  const found = new Map<string, StoreOnDisk>()
  try {
    for (const name of await engine.list()) {
      const task = taskOf(name)
      const own = topology.subTopologies.find(({ id }) => id === task?.subTopology)?.stores ?? []
      const wanted = stores.filter((store) => own.includes(store))
      if (task === undefined || wanted.length === 0) continue
      const database = await engine.open(name, [...wanted, POSITIONS_KEYSPACE])
      for (const store of wanted) {
        found.set(`${changelogOf(applicationId, store)}-${task.partition}`, readStore(database, store))
      }
      await database.close()
    }
  } finally {
    await engine.close()
  }
  return found
}

/** Databases of tasks are named `<sub-topology>_<partition>`; global stores have others. */
function taskOf(name: string): { readonly subTopology: number; readonly partition: number } | undefined {
  const [, subTopology, partition] = /^(\d+)_(\d+)$/.exec(name) ?? []
  return subTopology === undefined ? undefined : { subTopology: Number(subTopology), partition: Number(partition) }
}

function readStore(database: StateDatabase, store: string): StoreOnDisk {
  const saved = database.keyspace(POSITIONS_KEYSPACE).get(utf8Encode(store))
  const position =
    saved === undefined ? 0 : (JSON.parse(utf8Decode(saved)) as { readonly offset: number | null }).offset
  const content = new Map<string, Bytes>()
  const entries = database.keyspace(store).iterate({})
  while (entries.next()) content.set(utf8Decode(entries.key), entries.value)
  entries.close()
  return { content, position: position ?? 0 }
}

function compare(name: string, content: Map<string, Bytes>, fold: Map<string, Bytes>, checks: Checks): void {
  for (const [key, value] of fold) {
    const stored = content.get(key)
    const problem =
      stored === undefined
        ? `${name}: ${key} is in the changelog, but not in the store`
        : equalBytes(stored, value)
          ? undefined
          : `${name}: ${key} has another value in the store than in the changelog`
    checks.compare(STATE_CHECK, problem)
  }
  for (const key of content.keys()) {
    if (!fold.has(key)) checks.compare(STATE_CHECK, `${name}: ${key} is in the store, but not in the changelog`)
  }
}
