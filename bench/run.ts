import { type BenchOptions, parseOptions, usage } from './options.ts'
import { compareWithBaseline } from './results/baseline.ts'
import { type Figure, figuresOf, type Sample, tableOf } from './results/figures.ts'
import {
  describeRun,
  headingOf,
  isSameMachine,
  loadNow,
  type Results,
  readResults,
  writeResults,
} from './results/results.ts'
import { scenarios } from './scenarios/index.ts'
import type { Scenario } from './scenarios/scenario.ts'

/** `make bench`: see --help. */
const write = (line = ''): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) {
    write(usage)
    return 0
  }
  const { baseline: file, outputDirectory, size, repeats } = options
  const baseline = file === undefined ? undefined : await readResults(file)
  const chosen = options.scenarios.map(({ name }) => name)
  const heading = await describeRun({ scenarios: chosen, size, repeats, kafka: options.brokers !== undefined })
  write(headingOf(heading))
  const figures: Figure[] = []
  for (const scenario of options.scenarios) {
    figures.push(...(await measure(scenario, options)))
    // Each time: of a run that breaks off, what it has measured took time.
    await writeResults(outputDirectory, { ...heading, loadAfter: loadNow(), figures })
  }
  write(`\nResults are in ${outputDirectory}; load of the last minute ${loadNow().toFixed(2)}`)
  if (baseline !== undefined) compare(baseline, { ...heading, loadAfter: loadNow(), figures })
  return 0
}

async function measure(scenario: Scenario, options: BenchOptions): Promise<readonly Figure[]> {
  const { size, brokers, outputDirectory } = options
  const repeats = options.repeats ?? scenario.repeats
  const startedMs = Date.now()
  write(`\n**${scenario.title}**\n`)
  const all: (readonly Sample[])[] = []
  for (let repeat = 1; repeat <= repeats; repeat++) {
    const samples = await scenario.measure({ size, repeat, brokers, outputDirectory, write })
    if (samples.length === 0) return []
    all.push(samples)
  }
  const figures = figuresOf(scenario.name, all)
  write(tableOf(figures))
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(0)
  write(`\n${repeats} repeat(s) of '${scenario.name}', ${size}, ${seconds} s; load ${loadNow().toFixed(2)}`)
  return figures
}

function compare(baseline: Results, now: Results): void {
  write(`\nSince ${baseline.date} (${baseline.versions.mto}, load ${baseline.loadAfter.toFixed(2)}):`)
  if (!isSameMachine(baseline.machine, now.machine))
    write('  That was another kind of machine: differences say something about the machines first.')
  if (baseline.options.size !== now.options.size)
    write(`  That was the size '${baseline.options.size}', this is '${now.options.size}': figures are not comparable.`)
  const known = scenarios.map(({ name }) => name)
  const verdicts = compareWithBaseline(baseline, now.figures, known)
  for (const { kind, text } of verdicts) if (kind !== 'same') write(`  ${kind.toUpperCase()} ${text}`)
  const same = verdicts.filter(({ kind }) => kind === 'same').length
  write(`  ${same} of ${verdicts.length} are the same within what their repeats differ by`)
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
