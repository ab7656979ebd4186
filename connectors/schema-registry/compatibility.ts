import { type AvroType, type CompatibilityLevel, problemOfReading } from '#schemas'

export type EarlierVersion = { readonly version: number; readonly type: AvroType }

/**
 * Confluent's compatibility rules over Avro's schema resolution.
 *
 * - BACKWARD: the new schema reads what was written with the latest version (upgrade readers first).
 * - FORWARD: the latest version reads what the new schema writes (upgrade writers first).
 * - FULL: both. `…_TRANSITIVE`: against every version of the subject instead of the latest only.
 *
 * `earlier` is in order of versions, without deleted ones. Returns the reasons against; none means compatible.
 */
export function compatibilityProblems(
  level: CompatibilityLevel,
  candidate: AvroType,
  earlier: readonly EarlierVersion[],
): readonly string[] {
  if (level === 'NONE') return []
  const mustReadOld = level.startsWith('BACKWARD') || level.startsWith('FULL')
  const mustBeReadByOld = level.startsWith('FORWARD') || level.startsWith('FULL')
  const compared = level.endsWith('_TRANSITIVE') ? earlier : earlier.slice(-1)
  const problems: string[] = []
  for (const { version, type } of compared) {
    const backward = mustReadOld ? problemOfReading(candidate, type) : undefined
    if (backward !== undefined) problems.push(`the new schema cannot read data of version ${version}: ${backward}`)
    const forward = mustBeReadByOld ? problemOfReading(type, candidate) : undefined
    if (forward !== undefined) problems.push(`version ${version} cannot read data of the new schema: ${forward}`)
  }
  return problems
}
