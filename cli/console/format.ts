/** Numbers, times and tables as people read them. */
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

export const formatCount = (value: number): string => whole.format(value)

export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** Minor units as money: `1,234.50`. */
export function formatMinor(minor: number): string {
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: 2 }).format(minor / 100)
}

/** A moment in East Africa, as its people write it. */
export function formatEastAfrica(timeMs: number): string {
  return `${new Date(timeMs + 3 * 3_600_000).toISOString().slice(0, 16).replace('T', ' ')} EAT`
}

export type Column = { readonly title: string; readonly align?: 'left' | 'right' }

export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? ''
        const width = widths[index] ?? 0
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  const head = line(columns.map(({ title }) => title))
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return `${[head, rule, ...rows.map(line)].join('\n')}\n`
}
