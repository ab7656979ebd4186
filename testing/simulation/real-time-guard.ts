import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * While a simulation runs, nothing in it may ask the real world for time or randomness: these globals throw when they
 * are called from inside a run, so that a leak is a loud failure and not a run that cannot be repeated. Code outside of
 * the run (the test runner) is not disturbed.
 */
const inside = new AsyncLocalStorage<{ leak: Error | undefined }>()

type Holder = Record<string, unknown>
const forbidden: readonly (readonly [holder: Holder, name: string, fullName: string])[] = [
  [Date as unknown as Holder, 'now', 'Date.now'],
  [Math as unknown as Holder, 'random', 'Math.random'],
  [globalThis as unknown as Holder, 'setTimeout', 'setTimeout'],
  [globalThis as unknown as Holder, 'setInterval', 'setInterval'],
  [globalThis as unknown as Holder, 'setImmediate', 'setImmediate'],
  [performance as unknown as Holder, 'now', 'performance.now'],
  [crypto as unknown as Holder, 'randomUUID', 'crypto.randomUUID'],
  [crypto as unknown as Holder, 'getRandomValues', 'crypto.getRandomValues'],
]

let depth = 0
let restore: (() => void)[] = []

function replaceGlobals(): void {
  restore = forbidden.map(([holder, name, fullName]) => {
    const own = Object.getOwnPropertyDescriptor(holder, name)
    const original = holder[name] as (...args: unknown[]) => unknown
    const guarded = function (this: unknown, ...args: unknown[]): unknown {
      const run = inside.getStore()
      if (run === undefined) return original.apply(this, args)
      // Kept as well, since whoever called it may catch what is thrown here.
      const leak = new Error(
        `${fullName} was called inside a simulation: time and randomness come through ports there, or no seed repeats the ` +
          'run. (console.log of a test runner asks for the time too: within a processor use process.stdout.write.)',
      )
      run.leak ??= leak
      throw leak
    }
    Object.defineProperty(holder, name, { value: guarded, configurable: true, writable: true })
    return () => {
      if (own === undefined) delete holder[name]
      else Object.defineProperty(holder, name, own)
    }
  })
}

/** For what is asked when a run is over: it may use the real world again. */
export function outsideOfRun<T>(body: () => T): T {
  return inside.exit(body)
}

/** Runs `body` with the real world shut out; rejects if it was asked for. */
export async function withoutRealTime<T>(body: () => Promise<T>): Promise<T> {
  if (depth++ === 0) replaceGlobals()
  const run: { leak: Error | undefined } = { leak: undefined }
  try {
    const result = await inside.run(run, body)
    if (run.leak !== undefined) throw run.leak
    return result
  } finally {
    if (--depth === 0) for (const undo of restore.splice(0)) undo()
  }
}
