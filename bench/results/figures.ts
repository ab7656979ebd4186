import { type Spread, spreadOf } from '../peers/statistics.ts'

/** One thing that was measured, once in each repeat. */
export type Figure = {
  readonly scenario: string
  /** Unique within the scenario, such as `1,000,000 keys: events/s`. */
  readonly name: string
  readonly unit: string
  /** What is good: more of it, less of it, or neither (then nobody calls it slower). */
  readonly better: 'higher' | 'lower' | 'neither'
  readonly values: readonly number[]
}

/** What a scenario measured in one repeat. */
export type Sample = Omit<Figure, 'values' | 'scenario'> & { readonly value: number }

/** The same figures of several repeats, in the order of the first. */
export function figuresOf(scenario: string, repeats: readonly (readonly Sample[])[]): readonly Figure[] {
  const figures = new Map<string, Figure & { readonly values: number[] }>()
  for (const { value, ...sample } of repeats.flat()) {
    const known = figures.get(sample.name)
    if (known === undefined) figures.set(sample.name, { scenario, ...sample, values: [value] })
    else known.values.push(value)
  }
  return [...figures.values()]
}

export function numberText(figure: number): string {
  const decimals = Math.abs(figure) >= 100 ? 0 : Math.abs(figure) >= 10 ? 1 : 2
  return figure.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

export function spreadText({ min, median, max }: Spread): string {
  return [min, median, max].map(numberText).join(' / ')
}

/** Markdown, as it goes into documents. */
export function tableOf(figures: readonly Figure[]): string {
  const repeats = Math.max(0, ...figures.map(({ values }) => values.length))
  return [
    `| ${repeats > 1 ? 'min / median / max' : 'measured once'} | | |`,
    '|---|---|---|',
    ...figures.map(({ name, unit, values }) => {
      const text = values.length === 1 ? numberText(values[0] as number) : spreadText(spreadOf(values))
      return `| ${name} | ${text} | ${unit} |`
    }),
  ].join('\n')
}
