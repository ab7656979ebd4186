import { type CompatibilityLevel, SchemaError, type SchemaErrorCode, type SchemaRegistry } from '#schemas'
import type { EmbeddedRegistry } from './registry-core.ts'
import { ERROR_CODES, RegistryError } from './registry-error.ts'

/** The embedded registry as the port that the serdes use, without HTTP in between. */
export function asSchemaRegistry(registry: EmbeddedRegistry): SchemaRegistry {
  return {
    name: 'the embedded schema registry',
    register: (subject, schema) => registry.register(subject, { schema }).catch(rethrow),
    async checkCompatibility(subject, schema) {
      try {
        const reasons = registry.compatibilityProblems(subject, { schema })
        return { compatible: reasons.length === 0, reasons }
      } catch (error) {
        return rethrow(error)
      }
    },
    schemaById: async (id) => registry.state.schemaById(id),
    versionsOf: async (subject) =>
      registry.state.versions(subject, true).map(({ id, schema }) => ({ id, text: schema })),
    setCompatibility: (subject: string, level: CompatibilityLevel) =>
      registry.setCompatibility(subject, level).catch(rethrow),
  }
}

function rethrow(error: unknown): never {
  if (!(error instanceof RegistryError)) throw error
  throw new SchemaError(codeOf(error.errorCode), error.message, { cause: error })
}

/** What an error code of the REST interface means to a serde. */
export function codeOf(errorCode: number): SchemaErrorCode {
  if (errorCode === ERROR_CODES.incompatible) return 'SCHEMA_INCOMPATIBLE'
  if (errorCode === ERROR_CODES.invalidSchema) return 'SCHEMA_INVALID'
  const status = errorCode < 1_000 ? errorCode : Math.floor(errorCode / 100)
  return status >= 500 || status === 429 || status === 408 ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_REFUSED'
}
