import { hoppingWindows, joinWindows, sessionWindows, slidingWindows, tumblingWindows, type Windowed } from '#streams'

/** Functions and windows that random programs choose of. */
export type Text = string | null

const TEXT_MAX = 24
export const cut = (value: string): string => value.slice(-TEXT_MAX)
export const textOf = (value: Text): string => value ?? '∅'
export const letterOf = (value: Text): string => {
  const match = /[a-e]/.exec(value ?? '')
  return match === null ? 'z' : match[0]
}
export const numberOf = (value: Text): number => Number(/\d+/.exec(value ?? '')?.[0] ?? 0)
/** `count/sum`; null where nothing is left. */
export const addTo = (total: string, count: number, sum: number): string | null => {
  const [oldCount = '0', oldSum = '0'] = total.split('/')
  return Number(oldCount) + count === 0 ? null : `${Number(oldCount) + count}/${Number(oldSum) + sum}`
}
export const plus = (left: Text, right: Text): string => cut(`${textOf(left)}+${textOf(right)}`)
export const windowText = ({ key, window }: Windowed<string>): string => `${key}@${window.startMs}-${window.endMs}`

export const timeWindows = [
  tumblingWindows({ sizeMs: 10_000, graceMs: 5000 }),
  hoppingWindows({ sizeMs: 12_000, advanceMs: 5000, graceMs: 0 }),
  tumblingWindows({ sizeMs: 7000, graceMs: 0 }),
] as const
export const sliding = [
  slidingWindows({ timeDifferenceMs: 5000, graceMs: 10_000 }),
  slidingWindows({ timeDifferenceMs: 3000, graceMs: 0 }),
] as const
export const sessions = [
  sessionWindows({ inactivityGapMs: 4000, graceMs: 8000 }),
  sessionWindows({ inactivityGapMs: 6000, graceMs: 0 }),
] as const
export const joins = [
  joinWindows({ beforeMs: 5000, afterMs: 5000, graceMs: 3000 }),
  joinWindows({ beforeMs: 0, afterMs: 6000, graceMs: 0 }),
  joinWindows({ beforeMs: 8000, afterMs: -1000, graceMs: 1000 }),
] as const
/** Looked for at every record, so that the wall clock has no say. */
export const EAGER = { kind: 'on-window-close', intervalMs: 0 } as const
