import { spreadOf } from '../peers/statistics.ts'
import { type Figure, numberText } from './figures.ts'
import type { Results } from './results.ts'

export type Verdict =
  | { readonly kind: 'slower' | 'faster' | 'same'; readonly figure: Figure; readonly text: string }
  /** The baseline does not have it yet. */
  | { readonly kind: 'new'; readonly figure: Figure; readonly text: string }
  /** The baseline has a scenario that nobody knows (any more): it was renamed, or the file is of something else. */
  | { readonly kind: 'unknown'; readonly text: string }

/** Medians that are closer than this are the same: a machine that does other things too drifts as much. */
export const TOLERANCE = 0.1
/** Of figures that were measured once nobody knows the spread: it takes more. */
const TOLERANCE_ONCE = 0.3

/**
 * What became of each figure since the baseline. Slower and faster are said only where the two ranges of repeats do not
 * touch and the medians differ by more than the tolerance. What was not run this time is passed over.
 */
export function compareWithBaseline(
  baseline: Pick<Results, 'figures'>,
  now: readonly Figure[],
  knownScenarios: readonly string[],
): readonly Verdict[] {
  const unknown = [...new Set(baseline.figures.map(({ scenario }) => scenario))]
    .filter((name) => !knownScenarios.includes(name))
    .map(
      (name): Verdict => ({
        kind: 'unknown',
        text: `the baseline has a scenario '${name}', which is none of ${knownScenarios.join(', ')}: make a new baseline`,
      }),
    )
  return [...unknown, ...now.flatMap((figure) => verdictOf(baseline.figures, figure))]
}

function verdictOf(figures: readonly Figure[], figure: Figure): readonly Verdict[] {
  if (figure.better === 'neither') return []
  const before = figures.find(({ scenario, name }) => scenario === figure.scenario && name === figure.name)
  const what = `${figure.scenario}: ${figure.name}`
  if (before === undefined) return [{ kind: 'new', figure, text: `${what} is not in the baseline` }]
  const then = spreadOf(before.values)
  const now = spreadOf(figure.values)
  const isOnce = before.values.length === 1 || figure.values.length === 1
  const change = then.median === 0 ? 0 : now.median / then.median - 1
  const isApart = now.min > then.max || now.max < then.min
  const text = `${what} was ${numberText(then.median)}, is ${numberText(now.median)} ${figure.unit} (${change >= 0 ? '+' : ''}${(change * 100).toFixed(0)} %)`
  if (!isApart || Math.abs(change) <= (isOnce ? TOLERANCE_ONCE : TOLERANCE)) return [{ kind: 'same', figure, text }]
  const isWorse = figure.better === 'higher' ? change < 0 : change > 0
  return [{ kind: isWorse ? 'slower' : 'faster', figure, text }]
}
