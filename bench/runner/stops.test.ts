import { expect, it } from 'vitest'
import { repeatedIfStopped } from './stops.ts'

/** As if the process were stopped: no timer comes. */
function stop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

it.each([
  { stops: [0], calls: 1 },
  { stops: [3_200, 0], calls: 2 },
])('what was stopped for $stops ms is measured $calls times', async ({ stops, calls }) => {
  let called = 0
  const result = await repeatedIfStopped(async () => {
    stop(stops[called++] ?? 0)
    return called
  })
  expect(result).toBe(calls)
})

it('an error counts where nothing was stopped, and is forgotten where something was', async () => {
  const failing = (ms: number) => async (): Promise<never> => {
    stop(ms)
    throw new Error('of the measurement')
  }
  await expect(repeatedIfStopped(failing(0))).rejects.toThrow('of the measurement')
  let called = 0
  expect(await repeatedIfStopped(async () => (++called === 1 ? failing(3_200)() : 'well'))).toBe('well')
})
