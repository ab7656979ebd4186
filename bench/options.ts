import { parseArgs } from 'node:util'
import { scenarios } from './scenarios/index.ts'
import type { Scenario, Size } from './scenarios/scenario.ts'

export type BenchOptions = {
  readonly scenarios: readonly Scenario[]
  readonly size: Size
  /** Undefined: as many as each scenario has by itself. */
  readonly repeats: number | undefined
  readonly brokers: readonly string[] | undefined
  /** Undefined: nothing to compare with. */
  readonly baseline: string | undefined
  readonly outputDirectory: string
}

export const BASELINE = 'bench/baseline.json'
const NAME_WIDTH = 17

export const usage = `Measures Mto's engine on the embedded log with RocksDB: throughput, where the time of an event goes, and what
things cost as the work grows. Each run is a process of its own, in a fresh directory; what is printed is the smallest,
the middle and the largest of its repeats.

  make bench                                     all scenarios, small: a few minutes
  make bench ARGS='--scenario stages'            one of them: where the time goes, with a flame graph
  make bench ARGS='--scenario keys,state --full' the long forms: minutes each, gigabytes of disk
  make bench ARGS='--baseline ${BASELINE}'   and what became slower since (once there is such a file)

Scenarios
${scenarios.map(({ name, about }) => `  ${name.padEnd(NAME_WIDTH)} ${about}`).join('\n')}

How much
  --scenario NAMES   of the above, with commas between (all)
  --full             long: more events, 10 million keys, 1 GB of state
  --tiny             seconds: does it work at all? The figures mean nothing
  --repeats N        of each (three; once where a repeat takes long)
  --kafka HOST:PORT  for 'processes'; topics and groups that begin with bench-peers- are deleted there

What becomes of it
  --baseline FILE    compares with an earlier file of results: 'slower' where the ranges of the repeats do not touch and
                     the middles differ by more than 10 %
  --output DIR       results (DATE.json) and the flame graph go here (build/bench)
  Results of a quick run, committed as ${BASELINE}, are the baseline.

What else runs on the machine is measured too. events/s suffer from it the most, µs of processor time the least; the load
is printed beside the figures.

See also: make bench-peers (beside Java Kafka Streams), make load-test (the SACCO), docs/PERFORMANCE.md (results),
node bench/embedded-log.bench.ts (the log alone), node bench/state-engines.bench.ts (the state engines alone).`

/** Undefined: only help was asked for. Throws with what is wrong and what to do. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string' },
      full: { type: 'boolean', default: false },
      tiny: { type: 'boolean', default: false },
      repeats: { type: 'string' },
      kafka: { type: 'string' },
      baseline: { type: 'string' },
      output: { type: 'string', default: 'build/bench' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  if (values.full && values.tiny) throw new Error('--full and --tiny are two sizes: give one of them')
  const repeats = values.repeats === undefined ? undefined : Number(values.repeats)
  if (repeats !== undefined && (!Number.isSafeInteger(repeats) || repeats < 1))
    throw new Error(`--repeats is a whole number from 1 on, not '${values.repeats}'`)
  return {
    scenarios: values.scenario === undefined ? scenarios : values.scenario.split(',').map(scenarioNamed),
    size: values.full ? 'full' : values.tiny ? 'tiny' : 'quick',
    repeats,
    brokers: values.kafka?.split(','),
    baseline: values.baseline,
    outputDirectory: values.output,
  }
}

function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found === undefined)
    throw new Error(
      `--scenario: there is no '${name}', only ${scenarios.map((each) => each.name).join(', ')} (--help says what they are)`,
    )
  return found
}
