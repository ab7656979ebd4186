import { type AvroType, COMPATIBILITY_LEVELS, type CompatibilityLevel, parseAvro } from '#schemas'
import { messageOf } from '#streams/base'
import { canonicalSchemaText } from './canonical-schema.ts'
import { compatibilityProblems, type EarlierVersion } from './compatibility.ts'
import { ERROR_CODES, RegistryError } from './registry-error.ts'
import type { RegistryRecord, SchemaValue } from './registry-records.ts'
import {
  createRegistryState,
  DEFAULT_COMPATIBILITY,
  REGISTRY_MODES,
  type RegistryMode,
  type RegistryState,
} from './registry-state.ts'
import type { RegistryStore } from './registry-store.ts'

/**
 * The embedded schema registry: subjects, versions and ids with the rules of Confluent's Schema Registry. Commands run
 * one after the other; each is decided on the state, made durable as records, and only then visible.
 */
export const SUBJECT_CHARS_MAX = 512
export const SCHEMA_CHARS_MAX = 512 * 1024
export const SUBJECTS_MAX = 100_000
export const VERSIONS_PER_SUBJECT_MAX = 10_000

/** `-1` and `latest` mean the same. */
export type VersionSelector = number | 'latest'
export type SchemaInput = {
  readonly schema: string
  readonly schemaType?: string
  readonly references?: readonly unknown[]
}
export type DeleteOptions = { readonly permanent: boolean }

export type EmbeddedRegistry = {
  readonly state: RegistryState
  register(subject: string, input: SchemaInput): Promise<number>
  /** The version of a subject that has this schema. */
  lookup(subject: string, input: SchemaInput, includeDeleted?: boolean): SchemaValue
  versions(subject: string, includeDeleted?: boolean): readonly SchemaValue[]
  version(subject: string, selector: VersionSelector, includeDeleted?: boolean): SchemaValue
  /** Reasons why the schema would be refused: by the subject's level against one version, or against all it names. */
  compatibilityProblems(subject: string, input: SchemaInput, selector?: VersionSelector): readonly string[]
  effectiveCompatibility(subject: string | null): CompatibilityLevel
  setCompatibility(subject: string | null, level: string | undefined): Promise<void>
  effectiveMode(subject: string | null): RegistryMode
  setMode(subject: string | null, mode: string | undefined): Promise<void>
  deleteSubject(subject: string, options: DeleteOptions): Promise<readonly number[]>
  deleteVersion(subject: string, selector: VersionSelector, options: DeleteOptions): Promise<number>
  close(): Promise<void>
}

type Parsed = { readonly text: string; readonly type: AvroType }

export async function createEmbeddedRegistry(store: RegistryStore): Promise<EmbeddedRegistry> {
  const state = createRegistryState()
  await store.load(state.apply)
  const execute = createCommandQueue(store, state)
  return {
    state,
    ...createQueries(state),
    register: (subject, input) => execute(() => planRegister(state, subject, input)),
    setCompatibility: (subject, level) => execute(() => planSetCompatibility(state, subject, level)),
    setMode: (subject, mode) =>
      execute(() => ({
        answer: undefined,
        records: [modeRecord(subject, mode === undefined ? undefined : parseMode(mode))],
      })),
    deleteSubject: (subject, options) => execute(() => planDeleteSubject(state, subject, options)),
    deleteVersion: (subject, selector, options) => execute(() => planDeleteVersion(state, subject, selector, options)),
    close: () => store.close(),
  }
}

type Plan<T> = { readonly answer: T; readonly records: readonly RegistryRecord[] }

/** One command at a time: decide, make durable, apply. After a failed write the state is read anew before the next. */
function createCommandQueue(store: RegistryStore, state: RegistryState) {
  let tail: Promise<unknown> = Promise.resolve()
  let mustReload = false

  const run = async <T>(decide: () => Plan<T>): Promise<T> => {
    if (mustReload) {
      await store.load(state.apply)
      mustReload = false
    }
    const { answer, records } = decide()
    if (records.length === 0) return answer
    try {
      mustReload = true
      await store.append(records)
      mustReload = false
    } catch (cause) {
      throw new RegistryError(ERROR_CODES.store, `the registry could not store the change: ${messageOf(cause)}`, {
        cause,
      })
    }
    for (const record of records) state.apply(record)
    return answer
  }

  return <T>(decide: () => Plan<T>): Promise<T> => {
    const result = tail.then(() => run(decide))
    // The caller gets the error; the queue goes on with the next command.
    tail = result.catch(() => undefined)
    return result
  }
}

function createQueries(state: RegistryState) {
  const versions = (subject: string, includeDeleted = false): readonly SchemaValue[] => {
    const found = state.versions(subject, includeDeleted)
    if (found.length === 0) throw subjectNotFound(subject)
    return found
  }
  return {
    versions,
    version: (subject: string, selector: VersionSelector, includeDeleted = false) =>
      selectVersion(versions(subject, includeDeleted), subject, selector),
    lookup(subject: string, input: SchemaInput, includeDeleted = false) {
      const { text } = parseInput(input)
      const found = versions(subject, includeDeleted).findLast((value) => value.schema === text)
      if (found === undefined)
        throw new RegistryError(ERROR_CODES.schemaNotFound, `Schema not found under subject '${subject}'.`)
      return found
    },
    compatibilityProblems(subject: string, input: SchemaInput, selector?: VersionSelector): readonly string[] {
      const { type } = parseInput(input)
      const level = effectiveCompatibility(state, subject)
      const known = state.versions(subject, false)
      if (selector === undefined) return compatibilityProblems(level, type, typed(state, known))
      if (known.length === 0 && selector === 'latest') return []
      return compatibilityProblems(level, type, typed(state, [selectVersion(versions(subject), subject, selector)]))
    },
    effectiveCompatibility: (subject: string | null) => effectiveCompatibility(state, subject),
    effectiveMode: (subject: string | null) => effectiveMode(state, subject),
  }
}

function effectiveCompatibility(state: RegistryState, subject: string | null): CompatibilityLevel {
  return state.compatibilityOf(subject) ?? state.compatibilityOf(null) ?? DEFAULT_COMPATIBILITY
}

function effectiveMode(state: RegistryState, subject: string | null): RegistryMode {
  return state.modeOf(subject) ?? state.modeOf(null) ?? 'READWRITE'
}

function typed(state: RegistryState, values: readonly SchemaValue[]): readonly EarlierVersion[] {
  return values.map((value) => ({ version: value.version, type: state.typeOf(value.schema) }))
}

function planRegister(state: RegistryState, subject: string, input: SchemaInput): Plan<number> {
  assertSubject(subject)
  const { text, type } = parseInput(input)
  const known = state.versions(subject, false)
  const same = known.findLast((value) => value.schema === text)
  // Asking for what is there already changes nothing, so it is allowed in every mode.
  if (same !== undefined) return { answer: same.id, records: [] }
  assertWritable(state, subject)
  assertRoom(state, subject)
  const problems = compatibilityProblems(effectiveCompatibility(state, subject), type, typed(state, known))
  if (problems.length > 0) {
    throw new RegistryError(
      ERROR_CODES.incompatible,
      `Schema being registered is incompatible with an earlier schema for subject "${subject}" ` +
        `(compatibility ${effectiveCompatibility(state, subject)}): ${problems.join('; ')}`,
    )
  }
  const id = state.idOfText(text) ?? state.idMax + 1
  const version = (state.versions(subject, true).at(-1)?.version ?? 0) + 1
  const value: SchemaValue = { subject, version, id, schema: text, deleted: false }
  return { answer: id, records: [schemaRecord(value)] }
}

function planSetCompatibility(state: RegistryState, subject: string | null, text: string | undefined): Plan<void> {
  const level = text === undefined ? undefined : parseLevel(text)
  // Programs set their levels at every start: what is set already writes nothing.
  const isSet = state.compatibilityOf(subject) === level
  return { answer: undefined, records: isSet ? [] : [configRecord(subject, level)] }
}

function planDeleteSubject(
  state: RegistryState,
  subject: string,
  { permanent }: DeleteOptions,
): Plan<readonly number[]> {
  const all = state.versions(subject, true)
  if (all.length === 0) throw subjectNotFound(subject)
  assertWritable(state, subject)
  const live = all.filter((value) => !value.deleted)
  if (permanent && live.length > 0) {
    throw new RegistryError(
      ERROR_CODES.subjectNotSoftDeleted,
      `Subject '${subject}' was not deleted first before being permanently deleted`,
    )
  }
  if (!permanent && live.length === 0) {
    throw new RegistryError(
      ERROR_CODES.subjectSoftDeleted,
      `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`,
    )
  }
  const removed = permanent ? all : live
  const answer = removed.map((value) => value.version)
  if (!permanent) return { answer, records: removed.map((value) => schemaRecord({ ...value, deleted: true })) }
  return {
    answer,
    records: [...removalRecords(state, removed), configRecord(subject, undefined), modeRecord(subject, undefined)],
  }
}

function planDeleteVersion(
  state: RegistryState,
  subject: string,
  selector: VersionSelector,
  { permanent }: DeleteOptions,
): Plan<number> {
  const all = state.versions(subject, true)
  if (all.length === 0) throw subjectNotFound(subject)
  assertWritable(state, subject)
  const candidates = selector === 'latest' ? all.filter((value) => !value.deleted) : all
  const value = selectVersion(candidates, subject, selector)
  if (permanent && !value.deleted) {
    throw new RegistryError(
      ERROR_CODES.versionNotSoftDeleted,
      `Subject '${subject}' Version ${value.version} was not deleted first before being permanently deleted`,
    )
  }
  if (!permanent && value.deleted) {
    throw new RegistryError(
      ERROR_CODES.versionSoftDeleted,
      `Subject '${subject}' Version ${value.version} was soft deleted. Set permanent=true to delete permanently`,
    )
  }
  const records = permanent ? removalRecords(state, [value]) : [schemaRecord({ ...value, deleted: true })]
  return { answer: value.version, records }
}

/** The highest id is written down first, because the tombstones will let compaction forget it. */
function removalRecords(state: RegistryState, values: readonly SchemaValue[]): readonly RegistryRecord[] {
  return [
    { key: { keytype: 'NOOP', magic: 0 }, value: { maxId: state.idMax } },
    ...values.map(({ subject, version }): RegistryRecord => ({ key: schemaKey(subject, version), value: null })),
  ]
}

const schemaKey = (subject: string, version: number) => ({ keytype: 'SCHEMA', subject, version, magic: 1 }) as const

function schemaRecord(value: SchemaValue): RegistryRecord {
  return { key: schemaKey(value.subject, value.version), value }
}

function configRecord(subject: string | null, level: CompatibilityLevel | undefined): RegistryRecord {
  return {
    key: { keytype: 'CONFIG', subject, magic: 0 },
    value: level === undefined ? null : { compatibilityLevel: level },
  }
}

function modeRecord(subject: string | null, mode: RegistryMode | undefined): RegistryRecord {
  return { key: { keytype: 'MODE', subject, magic: 0 }, value: mode === undefined ? null : { mode } }
}

function parseInput({ schema, schemaType, references }: SchemaInput): Parsed {
  if (schemaType !== undefined && schemaType !== 'AVRO') {
    throw new RegistryError(
      ERROR_CODES.unprocessable,
      `Invalid schema type ${schemaType}: this registry holds AVRO only`,
    )
  }
  if (references !== undefined && references.length > 0) {
    throw new RegistryError(
      ERROR_CODES.unprocessable,
      'Schema references are not supported: write the referenced types into the schema',
    )
  }
  if (schema.length > SCHEMA_CHARS_MAX) {
    throw new RegistryError(ERROR_CODES.invalidSchema, `Invalid schema: more than ${SCHEMA_CHARS_MAX} characters`)
  }
  try {
    const json: unknown = JSON.parse(schema)
    const type = parseAvro(json)
    return { text: canonicalSchemaText(json), type }
  } catch (cause) {
    throw new RegistryError(ERROR_CODES.invalidSchema, `Invalid schema: ${messageOf(cause)}`, { cause })
  }
}

function selectVersion(values: readonly SchemaValue[], subject: string, selector: VersionSelector): SchemaValue {
  const found = selector === 'latest' ? values.at(-1) : values.find((value) => value.version === selector)
  if (found !== undefined) return found
  throw new RegistryError(ERROR_CODES.versionNotFound, `Version ${selector} not found for subject '${subject}'.`)
}

function parseLevel(text: string): CompatibilityLevel {
  const level = text.toUpperCase() as CompatibilityLevel
  if (COMPATIBILITY_LEVELS.includes(level)) return level
  throw new RegistryError(
    ERROR_CODES.invalidCompatibility,
    `Invalid compatibility level. Valid values are ${COMPATIBILITY_LEVELS.join(', ')}`,
  )
}

function parseMode(text: string): RegistryMode {
  const mode = text.toUpperCase() as RegistryMode
  if (REGISTRY_MODES.includes(mode)) return mode
  throw new RegistryError(ERROR_CODES.invalidMode, `Invalid mode. Valid values are ${REGISTRY_MODES.join(', ')}`)
}

function assertSubject(subject: string): void {
  const isSound = subject.length > 0 && subject.length <= SUBJECT_CHARS_MAX && !/\p{Cc}/u.test(subject)
  if (!isSound) {
    throw new RegistryError(
      ERROR_CODES.unprocessable,
      `Invalid subject: 1 to ${SUBJECT_CHARS_MAX} characters without control characters`,
    )
  }
}

function assertWritable(state: RegistryState, subject: string): void {
  if (effectiveMode(state, subject) === 'READWRITE') return
  throw new RegistryError(ERROR_CODES.notPermitted, `Subject ${subject} is in read-only mode`)
}

function assertRoom(state: RegistryState, subject: string): void {
  const versionCount = state.versions(subject, true).length
  if (versionCount >= VERSIONS_PER_SUBJECT_MAX) {
    throw new RegistryError(
      ERROR_CODES.unprocessable,
      `Subject '${subject}' has ${versionCount} versions, the most allowed`,
    )
  }
  if (versionCount === 0 && state.subjects(true).length >= SUBJECTS_MAX) {
    throw new RegistryError(ERROR_CODES.unprocessable, `There are ${SUBJECTS_MAX} subjects, the most allowed`)
  }
}

function subjectNotFound(subject: string): RegistryError {
  return new RegistryError(ERROR_CODES.subjectNotFound, `Subject '${subject}' not found.`)
}
