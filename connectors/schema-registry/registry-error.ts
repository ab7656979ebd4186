/** What the registry refuses, with the error code of Confluent's REST interface: its first three digits are the HTTP status. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly errorCode: number

  constructor(errorCode: number, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.errorCode = errorCode
  }

  get httpStatus(): number {
    return this.errorCode < 1_000 ? this.errorCode : Math.floor(this.errorCode / 100)
  }
}

/** Confluent's codes (schema registry API reference), by what they mean. */
export const ERROR_CODES = {
  subjectNotFound: 40401,
  versionNotFound: 40402,
  schemaNotFound: 40403,
  subjectSoftDeleted: 40404,
  subjectNotSoftDeleted: 40405,
  versionSoftDeleted: 40406,
  versionNotSoftDeleted: 40407,
  compatibilityNotConfigured: 40408,
  modeNotConfigured: 40409,
  incompatible: 409,
  invalidSchema: 42201,
  invalidVersion: 42202,
  invalidCompatibility: 42203,
  invalidMode: 42204,
  notPermitted: 42205,
  unprocessable: 422,
  store: 50001,
} as const
