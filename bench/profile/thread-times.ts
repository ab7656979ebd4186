import { readdir, readFile } from 'node:fs/promises'
import { cpuSecondsIn } from '../peers/proc.ts'

/** Processor time of each thread of this process so far, by its id. Empty where there is no /proc. */
export type ThreadTimes = ReadonlyMap<string, { readonly name: string; readonly cpuMicros: number }>

export async function threadTimes(): Promise<ThreadTimes> {
  const times = new Map<string, { name: string; cpuMicros: number }>()
  for (const id of await readdir('/proc/self/task').catch(() => [])) {
    const text = await readFile(`/proc/self/task/${id}/stat`, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
    times.set(id, { name, cpuMicros: cpuSecondsIn(text) * 1e6 })
  }
  return times
}

/** What threads are called by those who start them, as the beginning of the name that Linux shows. */
const KINDS: readonly (readonly [prefix: string, kind: string])[] = [
  ['V8Worker', 'collector and compiler helpers'],
  ['DelayedTask', 'collector and compiler helpers'],
  ['libuv-worker', 'files (thread pool)'],
  ['rocksdb', 'RocksDB in the background'],
]

/** Sums by kind; threads that run JavaScript are in `JavaScript`. */
export function usedBetween(before: ThreadTimes, after: ThreadTimes): Readonly<Record<string, number>> {
  const used: Record<string, number> = {}
  for (const [id, { name, cpuMicros }] of after) {
    const kind = KINDS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'JavaScript'
    used[kind] = (used[kind] ?? 0) + cpuMicros - (before.get(id)?.cpuMicros ?? 0)
  }
  return used
}
