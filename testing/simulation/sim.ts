import { parseArgs } from 'node:util'
import { chooseApplication, loadCatalogue } from './applications.ts'
import type { FaultName } from './faults.ts'
import { drawPlan, type PlanOptions, prngFor } from './plan.ts'
import { failureText, Totals } from './report.ts'
import { type RunResult, runPlan } from './run.ts'
import { shrinkFaults } from './shrink.ts'

const REPEATED_EVERY = 20
const PROGRESS_EVERY = 1_000

const usage = `Runs simulations: the real engine, several members, virtual time, faults. One seed is one run.

  node testing/simulation/sim.ts [--seed 1] [--count 200] [--topology NAME] [--log simulated|embedded]
                                 [--faults KIND,KIND|none] [--twice] [--verbose]

  --topology  one topology of the repository, random/N or program/N
  --faults    only these kinds; none = an undisturbed run
  --twice     runs each seed twice and compares the hashes of all that happened; otherwise every ${REPEATED_EVERY}th
  --verbose   one line per seed, and what the threads log`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '200' },
    topology: { type: 'string' },
    log: { type: 'string' },
    faults: { type: 'string' },
    twice: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}

const FAILURES_SHOWN_MAX = 5
const print = (text: string): void => void process.stdout.write(`${text}\n`)
const line = (message: string): void => print(`    ${message}`)
const logger = { debug: () => {}, info: line, warn: line, error: line }

const catalogue = await loadCatalogue()
const options: PlanOptions = {
  ...(values.log === 'simulated' || values.log === 'embedded' ? { log: values.log } : {}),
  ...(values.faults === undefined
    ? {}
    : { kinds: values.faults === 'none' ? [] : (values.faults.split(',') as FaultName[]) }),
}
const totals = new Totals()
const startedMs = performance.now()
const from = Number(values.seed)
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isInterrupted = true
  })
}
for (let seed = from; seed < from + Number(values.count); seed++) {
  if (isInterrupted) break
  const application = chooseApplication(catalogue, prngFor(seed, 'application'), values.topology)
  const plan = drawPlan(seed, application, options)
  if (values.verbose) print(`seed ${seed}: ${application.name}, ${plan.log} log, ${JSON.stringify(plan.config)}`)
  const result = await (values.verbose ? runPlan(plan, logger) : runPlan(plan))
  totals.add(result)
  if (values.twice || seed % REPEATED_EVERY === 0) await compareWithSecondRun(result)
  if (values.verbose) print(`  ${result.traceHash}, ${result.ticks} timers, ${Math.round(result.virtualMs)} ms`)
  if (totals.seeds % PROGRESS_EVERY === 0)
    process.stderr.write(`${totals.seeds} seeds, ${totals.failures} failed, up to seed ${seed}\n`)
  if (result.violations.length === 0) continue
  const shrunk = totals.failures > FAILURES_SHOWN_MAX ? undefined : await shrinkFaults(plan, result)
  print(`${failureText(result, shrunk)}\n`)
}
print(totals.text({ wallMs: performance.now() - startedMs, named: catalogue.named.length }))
process.exitCode = totals.failures === 0 ? 0 : 1

async function compareWithSecondRun(first: RunResult): Promise<void> {
  const second = await runPlan(first.plan)
  totals.repeated++
  if (second.traceHash === first.traceHash && second.events === first.events) return
  totals.failures++
  print(`Seed ${first.plan.seed} is not repeatable: ${first.traceHash}, then ${second.traceHash}`)
}
