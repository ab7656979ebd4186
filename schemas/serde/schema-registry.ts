/**
 * The port to a schema registry. Implemented by the embedded registry and by a client of Confluent's REST interface;
 * `schema-registry.contract.ts` is the suite that both pass.
 */
export const COMPATIBILITY_LEVELS = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const
export type CompatibilityLevel = (typeof COMPATIBILITY_LEVELS)[number]

export type CompatibilityVerdict = { readonly compatible: boolean; readonly reasons: readonly string[] }

export type SchemaRegistry = {
  /** For messages: where the registry is. */
  readonly name: string
  /**
   * Registers a schema under a subject and gives its id. The same schema again gives the same id and changes nothing.
   * SCHEMA_INCOMPATIBLE if the subject's level forbids it, SCHEMA_INVALID if it is no Avro schema.
   */
  register(subject: string, schemaText: string): Promise<number>
  /** Would `register` accept it? A subject without versions accepts every schema. */
  checkCompatibility(subject: string, schemaText: string): Promise<CompatibilityVerdict>
  /** The text of a schema; undefined if the registry does not know the id. */
  schemaById(id: number): Promise<string | undefined>
  /**
   * Every schema that the subject holds or held (deleted versions too: bytes outlive them), oldest first; none where
   * there is no such subject.
   */
  versionsOf(subject: string): Promise<readonly { readonly id: number; readonly text: string }[]>
  /** Sets the level of a subject. */
  setCompatibility(subject: string, level: CompatibilityLevel): Promise<void>
}

export type SchemaErrorCode =
  /** The text is no Avro schema. */
  | 'SCHEMA_INVALID'
  /** The subject's compatibility level forbids the schema: readers that run now could not read it, or the reverse. */
  | 'SCHEMA_INCOMPATIBLE'
  /** The registry did not answer within the limits, or failed; trying again later may help. */
  | 'REGISTRY_UNAVAILABLE'
  /** The registry refused the request: rights, read-only mode, a wrong subject. Trying again does not help. */
  | 'REGISTRY_REFUSED'
  /** A named bound was reached. */
  | 'LIMIT_EXCEEDED'

export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly code: SchemaErrorCode

  constructor(code: SchemaErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
