const LOOK_MS = 100
/** Timers are never as late as this, even on a machine that is full, unless the machine slept or somebody stopped the process. */
const STOP_MS_MIN = 3_000
const TRIES_MAX = 4

/**
 * What was measured while the process was stopped (a laptop that slept, SIGSTOP) says nothing: it is measured again. The
 * processes that are measured are stopped with this one, or their gap is in the figures.
 */
export async function repeatedIfStopped<T>(body: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    let stoppedMs = 0
    let lastMs = performance.now()
    const look = (): void => {
      const nowMs = performance.now()
      if (nowMs - lastMs > STOP_MS_MIN) stoppedMs += nowMs - lastMs
      lastMs = nowMs
    }
    const timer = setInterval(look, LOOK_MS)
    const outcome = await body().then(
      (result) => ({ isGood: true, result }) as const,
      (error: unknown) => ({ isGood: false, error }) as const,
    )
    clearInterval(timer)
    look()
    if (stoppedMs === 0 || attempt === TRIES_MAX) {
      if (!outcome.isGood) throw outcome.error
      if (stoppedMs > 0) process.stderr.write('This process was stopped each time: the figures have that gap in them\n')
      return outcome.result
    }
    const seconds = (stoppedMs / 1000).toFixed(1)
    process.stderr.write(`This process was stopped for ${seconds} s while it measured: once more\n`)
  }
}
