import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Attribution, attribute, foldedStacks, unattributedShare } from '../profile/attribute.ts'
import { flameGraph } from '../profile/flame-graph.ts'
import { stageNames, stageTexts } from '../profile/stages.ts'
import type { Sample } from '../results/figures.ts'
import { drainOnce, type Scenario } from './scenario.ts'

const FUNCTIONS_SHOWN = 30

/** Markdown: what the stages cost, then the threads that run no JavaScript; the sum is the process. */
export function stageTable(attribution: Attribution): string {
  const { stages, others, micros } = attribution
  const lines = ['| stage | µs/event | share | what it is |', '|---|---|---|---|']
  const share = (part: number): string => `${((100 * part) / micros).toFixed(1)} %`
  for (const stage of stageNames) {
    const sum = stages.filter((each) => each.stage === stage).reduce((total, each) => total + each.micros, 0)
    lines.push(`| ${stage} | ${sum.toFixed(2)} | ${share(sum)} | ${stageTexts[stage]} |`)
  }
  for (const [kind, sum] of Object.entries(others))
    lines.push(`| *${kind}* | ${sum.toFixed(2)} | ${share(sum)} | threads that run no JavaScript |`)
  lines.push(`| all | ${micros.toFixed(2)} | | processor time of the process |`)
  return lines.join('\n')
}

export function functionTable({ functions }: Attribution, count: number): string {
  const lines = ['| function | stage | thread | µs/event |', '|---|---|---|---|']
  for (const { name, stage, thread, micros } of functions.slice(0, count))
    lines.push(`| \`${name}\` | ${stage} | ${thread} | ${micros.toFixed(2)} |`)
  return lines.join('\n')
}

export const stages: Scenario = {
  name: 'stages',
  title: 'Where the time of an event goes (peer topology, one stream thread)',
  about: "µs of processor time of each stage of a record's way, from V8's sampling profile; a flame graph beside it",
  repeats: 3,
  async measure(context) {
    const drained = await drainOnce({ context, topology: 'peer', isProfiled: true })
    const attribution = attribute(drained)
    if (context.repeat === 1) await tell(drained, attribution, context)
    const sums = Map.groupBy(attribution.stages, ({ stage }) => stage)
    return [
      ...stageNames.map((stage): Sample => {
        const value = (sums.get(stage) ?? []).reduce((sum, { micros }) => sum + micros, 0)
        return { name: stage, unit: 'µs/event', better: 'lower', value }
      }),
      ...Object.entries(attribution.others).map(
        ([kind, value]): Sample => ({ name: kind, unit: 'µs/event', better: 'lower', value }),
      ),
      { name: 'all', unit: 'µs/event', better: 'lower', value: attribution.micros },
      {
        name: 'of no stage that we know',
        unit: '% of JavaScript threads',
        better: 'neither',
        value: 100 * unattributedShare(attribution),
      },
    ]
  },
}

async function tell(
  drained: Parameters<typeof attribute>[0],
  attribution: Attribution,
  { outputDirectory, write }: Parameters<Scenario['measure']>[0],
): Promise<void> {
  await mkdir(outputDirectory, { recursive: true })
  const picture = join(outputDirectory, 'flame-graph.svg')
  await writeFile(picture, flameGraph(foldedStacks(drained), 'Processor time of an event, peer topology'))
  write(stageTable(attribution))
  write('')
  write(functionTable(attribution, FUNCTIONS_SHOWN))
  write('')
  const percent = (100 * unattributedShare(attribution)).toFixed(1)
  write(`${percent} % of the JavaScript threads' time is of no stage that we know. Flame graph: ${picture}`)
  write('')
}
