import { checkCoverage } from './coverage.ts'
import { checkAgainstDriver } from './driver.ts'
import type { FinishedRun } from './finished-run.ts'
import { checkHistory, committedAttempts } from './history.ts'
import { checkNothingLeftOut, checkReplay } from './replay.ts'
import { checkStreamTime } from './stream-time.ts'

/** Everything that must hold when a run is over. What must hold at every moment is checked while it runs. */
export async function runCheckers(run: FinishedRun): Promise<void> {
  const committed = committedAttempts(run)
  checkHistory(run, committed)
  const processed = checkCoverage(run, committed)
  if (run.config.processingGuarantee === 'exactly_once_v2') {
    checkStreamTime(run, committed)
    await checkReplay(run, committed)
    checkAgainstDriver(run)
  } else await checkNothingLeftOut(run, processed)
}
