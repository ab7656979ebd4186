import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/**
 * V8 collects young objects with helper threads, one set for the whole process. Where stream threads alone keep the
 * cores busy, those helpers wait for a core while the collecting thread waits for them: on two cores a load of 10,000
 * events a second took 155 to 170 µs of processor time each with them and 140 to 145 µs without, and pauses were half
 * as long (`make load-test`, docs/PERFORMANCE.md).
 */
export function suitCollectorToCores(threads: number): void {
  if (availableParallelism() <= threads) setFlagsFromString('--no-parallel-scavenge')
}
