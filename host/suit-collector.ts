import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, setPriority } from 'node:os'
import { setFlagsFromString } from 'node:v8'

const PROC_TASKS = '/proc/self/task'
const HELPER_NAME = 'V8Worker'
/** Above the niceness of the process: a third of a stream thread's share where both want the same core. */
const HELPER_NICENESS = 5

/**
 * V8 collects old objects and compiles with helper threads, one set for the whole process. Where stream threads alone
 * keep the cores busy, those helpers take a core from the threads that they are to help:
 *
 * - Young objects are collected without helpers, since the collecting thread waits for them while they wait for a core:
 *   on two cores a load of 10,000 events a second took 155 to 170 µs of processor time each with them and 140 to 145 µs
 *   without, and pauses were half as long (`make load-test`, docs/PERFORMANCE.md).
 * - Old objects are marked in the background, all of a thread's within a second, and then nothing else came to its
 *   turn: the records of that second waited for up to a second. So the helpers yield to the stream threads.
 */
export function suitCollectorToCores(threads: number): void {
  if (availableParallelism() > threads) return
  setFlagsFromString('--no-parallel-scavenge')
  for (const id of helperThreads()) giveWay(id)
}

/** Linux names threads and gives each a priority of its own; elsewhere there is nothing to be done. */
function helperThreads(): readonly number[] {
  try {
    return readdirSync(PROC_TASKS)
      .filter((id) => readFileSync(`${PROC_TASKS}/${id}/comm`, 'utf8').trim() === HELPER_NAME)
      .map(Number)
  } catch {
    return []
  }
}

function giveWay(id: number): void {
  try {
    setPriority(id, HELPER_NICENESS)
  } catch {
    // A sandbox may forbid it. It costs pauses, and nothing else.
  }
}
