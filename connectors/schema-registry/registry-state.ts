import { type AvroType, type CompatibilityLevel, parseAvro } from '#schemas'
import type { RegistryRecord, SchemaValue } from './registry-records.ts'

/**
 * What the registry knows: a fold over its records, in order. Nothing else changes it, so that a restart that reads
 * the same records knows the same.
 */
export const REGISTRY_MODES = ['READWRITE', 'READONLY'] as const
export type RegistryMode = (typeof REGISTRY_MODES)[number]

export const DEFAULT_COMPATIBILITY: CompatibilityLevel = 'BACKWARD'

export type RegistryState = {
  apply(record: RegistryRecord): void
  /** Subjects in alphabetical order. */
  subjects(includeDeleted: boolean): readonly string[]
  /** Versions of a subject in ascending order. */
  versions(subject: string, includeDeleted: boolean): readonly SchemaValue[]
  /** Undefined if no subject has this schema any more. */
  schemaById(id: number): string | undefined
  /** Where an id is used, by subject and version. */
  usesOf(id: number, includeDeleted: boolean): readonly SchemaValue[]
  idOfText(schemaText: string): number | undefined
  /** Parsed once and kept. */
  typeOf(schemaText: string): AvroType
  compatibilityOf(subject: string | null): CompatibilityLevel | undefined
  modeOf(subject: string | null): RegistryMode | undefined
  /** The highest id ever given. */
  readonly idMax: number
}

export function createRegistryState(): RegistryState {
  const versionsBySubject = new Map<string, Map<number, SchemaValue>>()
  const usesById = new Map<number, Map<string, SchemaValue>>()
  const idByText = new Map<string, number>()
  const typeByText = new Map<string, AvroType>()
  const compatibility = new Map<string | null, CompatibilityLevel>()
  const modes = new Map<string | null, RegistryMode>()
  let idMax = 0

  const forget = (value: SchemaValue): void => {
    const uses = usesById.get(value.id)
    uses?.delete(`${value.subject}\n${value.version}`)
    if (uses?.size !== 0) return
    usesById.delete(value.id)
    idByText.delete(value.schema)
    typeByText.delete(value.schema)
  }

  const applySchema = (subject: string, version: number, value: SchemaValue | null): void => {
    const versions = versionsBySubject.get(subject) ?? new Map<number, SchemaValue>()
    const before = versions.get(version)
    if (before !== undefined) forget(before)
    if (value === null) {
      versions.delete(version)
      if (versions.size === 0) versionsBySubject.delete(subject)
      return
    }
    versionsBySubject.set(subject, versions.set(version, value))
    const uses = usesById.get(value.id) ?? new Map<string, SchemaValue>()
    usesById.set(value.id, uses.set(`${subject}\n${version}`, value))
    idByText.set(value.schema, value.id)
    idMax = Math.max(idMax, value.id)
  }

  const removeVersions = (subject: string, versionMax: number, mode: 'soft' | 'hard'): void => {
    for (const value of [...(versionsBySubject.get(subject)?.values() ?? [])]) {
      if (value.version > versionMax) continue
      applySchema(subject, value.version, mode === 'hard' ? null : { ...value, deleted: true })
    }
  }

  const valuesOf = (values: Iterable<SchemaValue> | undefined, includeDeleted: boolean): readonly SchemaValue[] =>
    [...(values ?? [])]
      .filter((value) => includeDeleted || !value.deleted)
      .sort((left, right) => compareText(left.subject, right.subject) || left.version - right.version)

  const state: RegistryState = {
    apply({ key, value }) {
      switch (key.keytype) {
        case 'SCHEMA':
          return applySchema(key.subject, key.version, value as SchemaValue | null)
        case 'CONFIG':
          return setOrDelete(
            compatibility,
            key.subject,
            (value as { compatibilityLevel: CompatibilityLevel } | null)?.compatibilityLevel,
          )
        case 'MODE':
          return setOrDelete(modes, key.subject, (value as { mode: RegistryMode } | null)?.mode)
        case 'DELETE_SUBJECT':
          if (value !== null)
            removeVersions(key.subject, (value as { version?: number }).version ?? Number.MAX_SAFE_INTEGER, 'soft')
          return
        case 'CLEAR_SUBJECT':
          if (value !== null) removeVersions(key.subject, Number.MAX_SAFE_INTEGER, 'hard')
          return
        case 'NOOP':
          idMax = Math.max(idMax, (value as { maxId?: number } | null)?.maxId ?? 0)
          return
        default:
          key satisfies never
      }
    },
    subjects: (includeDeleted) =>
      [...versionsBySubject]
        .filter(([, versions]) => includeDeleted || [...versions.values()].some((value) => !value.deleted))
        .map(([subject]) => subject)
        .sort(compareText),
    versions: (subject, includeDeleted) => valuesOf(versionsBySubject.get(subject)?.values(), includeDeleted),
    schemaById: (id) => usesById.get(id)?.values().next().value?.schema,
    usesOf: (id, includeDeleted) => valuesOf(usesById.get(id)?.values(), includeDeleted),
    idOfText: (schemaText) => idByText.get(schemaText),
    typeOf(schemaText) {
      const known = typeByText.get(schemaText)
      if (known !== undefined) return known
      const type = parseAvro(JSON.parse(schemaText))
      if (idByText.has(schemaText)) typeByText.set(schemaText, type)
      return type
    },
    compatibilityOf: (subject) => compatibility.get(subject),
    modeOf: (subject) => modes.get(subject),
    get idMax() {
      return idMax
    },
  }
  return state
}

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | null | undefined): void {
  if (value == null) map.delete(key)
  else map.set(key, value)
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
