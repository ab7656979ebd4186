import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import { runCli, startCli, temporaryDirectory } from './testing/run-cli.ts'
import type { VerifyReport } from './verify/verify.ts'

/** Three, to be quick; KILLS=20 for the whole proof. */
const KILLS = Number(process.env.KILLS ?? 3)
const random = createPrng(Number(process.env.SEED ?? 1))

test(`kill -9 under load, ${KILLS} times: no event is lost, none counts twice`, {
  timeout: 60_000 + KILLS * 60_000,
}, async () => {
  await using data = await temporaryDirectory()
  const load = ['load', '--data', data.path, '--members', '300', '--rate', '800', '--seconds', '3600', '--port', '0']
  for (let kill = 0; kill < KILLS; kill++) {
    const run = startCli(load)
    // Some die while they load the history or find where they were, the others in the middle of traffic.
    await run.waitFor(random.next() < 0.3 ? /API and dashboards/ : /sent [1-9]/)
    await sleep(random.next() * 2_500)
    run.process.kill('SIGKILL')
    expect((await run.ended).exitCode).toBeNull()
  }
  const { stdout, stderr, exitCode } = await runCli(['verify', '--data', data.path, '--json'])
  expect(stderr).not.toContain('error')
  const report = JSON.parse(stdout) as VerifyReport
  const wrong = report.checks.filter(({ differences }) => differences > 0)
  expect(wrong).toEqual([])
  expect(exitCode).toBe(0)
  process.stdout.write(`${KILLS} kills, ${report.postings} postings, ${report.accounts} accounts: clean\n`)
})
