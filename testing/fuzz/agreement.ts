import type { OutputTraits } from '../generator/index.ts'
import type { ProgramOutput, RunResult, Variant } from './variants.ts'

/** The first difference in words; undefined where the two runs agree. */
export function disagreement(expected: RunResult, actual: RunResult, variant: Variant): string | undefined {
  for (const traits of expected.traits) {
    if (!isComparable(traits, expected, variant)) continue
    const left = view(expected.outputs.get(traits.topic) ?? [], variant)
    const right = view(actual.outputs.get(traits.topic) ?? [], variant)
    for (const key of new Set([...left.keys(), ...right.keys()])) {
      const difference = firstDifference(left.get(key) ?? [], right.get(key) ?? [])
      if (difference !== undefined) return `${traits.topic}, ${variant.agreement}, ${key}: ${difference}`
    }
  }
  return undefined
}

function isComparable(traits: OutputTraits, expected: RunResult, variant: Variant): boolean {
  // With commits between records only, tasks that feed each other take turns elsewhere when they are rarer.
  if (variant.agreement === 'exact' && variant.commitEvery > 1)
    return expected.traits.every(({ repartitions }) => repartitions === 0)
  if (variant.agreement === 'by-key') return !traits.timed && traits.repartitions <= 1
  if (variant.agreement === 'final') return traits.finalState && !traits.timed && traits.repartitions <= 1
  return true
}

function view(partitions: readonly (readonly ProgramOutput[])[], variant: Variant): Map<string, readonly string[]> {
  const result = new Map<string, string[]>()
  const isExact = variant.agreement === 'exact'
  for (const [partition, records] of partitions.entries()) {
    for (const { key, value, timestampMs } of records) {
      if (key === null && !isExact) continue
      const group = isExact ? `partition ${partition}` : `key ${key}`
      const lines = result.get(group) ?? []
      lines.push(variant.agreement === 'final' ? `${value}` : `${key}=${value}@${timestampMs}`)
      result.set(group, lines)
    }
  }
  return variant.agreement === 'final' ? lastOfEach(result) : result
}

/** Without removed rows: a row that came and went may never have gone downstream. */
function lastOfEach(lines: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const last = [...lines].map(([key, values]) => [key, values.slice(-1)] as const)
  return new Map(last.filter(([, values]) => values[0] !== 'null'))
}

function firstDifference(expected: readonly string[], actual: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    if (expected[i] !== actual[i])
      return `record ${i} of ${expected.length}/${actual.length} is ${expected[i] ?? 'absent'} here and ${actual[i] ?? 'absent'} there`
  }
  return undefined
}
