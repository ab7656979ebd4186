const LONGEST_STOP_MS = 30_000

/** The first signal stops cleanly; a second one, or a stop that takes too long, ends the process at once. */
export function onStopSignals(stop: () => void): void {
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(1)
    asked = true
    process.stderr.write(`\n${signal}: stopping (again to end at once; nothing committed is lost either way)\n`)
    setTimeout(() => process.exit(1), LONGEST_STOP_MS).unref()
    stop()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}
