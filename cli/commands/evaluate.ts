import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { createConsoleLogger, type LogLevel } from '#host'
import { type Label, parseLabels } from '#load'
import { messageOf, StreamsError } from '#streams/base'
import { formatCount, formatTable } from '../console/format.ts'
import { DATA_DIRECTORY_DEFAULT, logLevelOption } from '../console/options.ts'
import { createProgress } from '../console/progress.ts'
import { type Evaluation, evaluate } from '../evaluate/evaluate.ts'
import { readFlags } from '../evaluate/read-flags.ts'
import { fail } from '../fail.ts'
import { readFeedState } from '../feed/feed-plan.ts'
import { LABELS_FILE } from '../platform/data-directory.ts'
import { openData } from '../platform/open-data.ts'

type EvaluateCommandOptions = {
  readonly data: string
  readonly labels?: string
  readonly json?: true
  readonly logLevel: LogLevel
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('How good the fraud rules are: precision and recall against the labels of a load test.')
    .option(
      '--labels <file>',
      `as mto load --labels wrote it; default: ${LABELS_FILE} in the data directory, where mto demo keeps it`,
    )
    .option('--data <directory>', 'the data directory of that load (environment: MTO_DATA_DIR)', DATA_DIRECTORY_DEFAULT)
    .option('--json', 'the report as data')
    .addOption(logLevelOption('error'))
    .addHelpText(
      'after',
      `
A flag concerns a labelled scenario if its evidence has an event of it, or else if it is about somebody in it at that
time. A scenario of fraud is found by a rule of its own family only (recall); those that the end of the run has cut
short are not counted as missed. A flag that concerns any fraud is right, one that concerns look-alikes or nothing
labelled is a false alarm (precision).

Thresholds should not be judged by the seed that they were set with: use another one.

Examples:
  mto load --fresh --seed 99 --labels labels.jsonl && mto evaluate --labels labels.jsonl
  mto evaluate --data ./data                                     after mto demo was stopped

Exit code: 0 evaluated, 1 the labels or the data cannot be read.`,
    )
    .action(run)
}

async function run(options: EvaluateCommandOptions): Promise<void> {
  const progress = createProgress()
  try {
    const labels = await readLabels(options.labels ?? join(options.data, LABELS_FILE))
    const data = await openData(options.data, createConsoleLogger(options.logLevel))
    try {
      const flags = await readFlags(data.log, data.schemas, (records) =>
        progress.update(`reading flags: ${formatCount(records)} records`),
      )
      const { publishedMs } = await readFeedState(data.log)
      const evaluation = evaluate({ flags, labels, ...(publishedMs === 0 ? {} : { publishedMs }) })
      progress.clear()
      if (labels.length === 0)
        process.stderr.write(
          'there are no labelled scenarios yet (the run was short), so every flag counts as a false alarm\n',
        )
      process.stdout.write(
        options.json === true ? `${JSON.stringify(evaluation, undefined, 2)}\n` : formatEvaluation(evaluation),
      )
    } finally {
      await data.close()
    }
  } catch (error) {
    progress.clear()
    fail(error)
  }
}

async function readLabels(file: string): Promise<readonly Label[]> {
  try {
    return parseLabels(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new StreamsError(
      'CONFIG_INVALID',
      `the labels in ${file} cannot be read (mto load --labels writes them): ${messageOf(cause)}`,
      { cause },
    )
  }
}

const right = 'right' as const
const percent = (share: number | undefined): string => (share === undefined ? '-' : `${(share * 100).toFixed(1)} %`)

function formatEvaluation({ rules, families, overall }: Evaluation): string {
  const ruleRows = rules.map(({ rule, flags, truePositives, falsePositives, lookAlikesFlagged, precision }) => [
    rule,
    ...[flags, truePositives, falsePositives, lookAlikesFlagged].map(formatCount),
    percent(precision),
  ])
  const familyRows = families.map(({ family, labels, found, incomplete, lookAlikes, lookAlikesFlagged, recall }) => [
    family,
    ...[labels, found, incomplete, lookAlikes, lookAlikesFlagged].map(formatCount),
    percent(recall),
  ])
  const columns = (titles: readonly string[]) => titles.map((title) => ({ title, align: right }))
  const ruleColumns = columns(['flags', 'right', 'false alarms', 'of look-alikes', 'precision'])
  const familyColumns = columns(['scenarios', 'found', 'cut short', 'look-alikes', 'flagged', 'recall'])
  return [
    formatTable([{ title: 'rule' }, ...ruleColumns], ruleRows),
    formatTable([{ title: 'scenarios of' }, ...familyColumns], familyRows),
    `overall: precision ${percent(overall.precision)} (${formatCount(overall.truePositives)} of ${formatCount(overall.flags)} flags), ` +
      `recall ${percent(overall.recall)} (${formatCount(overall.found)} of ${formatCount(overall.labels)} scenarios), ` +
      `${formatCount(overall.lookAlikesFlagged)} of ${formatCount(overall.lookAlikes)} look-alikes flagged\n`,
  ].join('\n')
}
