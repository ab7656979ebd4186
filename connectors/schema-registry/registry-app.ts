import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { messageOf } from '#streams/base'
import type { EmbeddedRegistry, SchemaInput, VersionSelector } from './registry-core.ts'
import { ERROR_CODES, RegistryError } from './registry-error.ts'
import type { SchemaValue } from './registry-records.ts'

/**
 * Confluent's Schema Registry REST interface over the embedded registry: paths, bodies, error codes and content type
 * are theirs, so that any of their clients works. Not offered: schema references, IMPORT mode, contexts other than the
 * default one, data contracts (rules), exporters.
 */
export const REGISTRY_CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'
export const REQUEST_BYTES_MAX = 2 * 1024 * 1024

export function createRegistryApp(registry: EmbeddedRegistry): Hono {
  const app = new Hono()
  app.use(
    bodyLimit({
      maxSize: REQUEST_BYTES_MAX,
      onError: (c) => failure(c, 413, `a request has at most ${REQUEST_BYTES_MAX} bytes`),
    }),
  )
  app.onError((error, c) => {
    if (error instanceof RegistryError) return failure(c, error.errorCode, error.message)
    return failure(c, 500, `Internal error: ${messageOf(error)}`)
  })
  app.notFound((c) => failure(c, 404, `HTTP 404 Not Found: ${c.req.method} ${c.req.path}`))
  app.get('/', (c) => answer(c, {}))
  app.get('/contexts', (c) => answer(c, ['.']))
  app.get('/schemas/types', (c) => answer(c, ['AVRO']))
  addSchemaRoutes(app, registry)
  addSubjectRoutes(app, registry)
  addCompatibilityRoutes(app, registry)
  addConfigRoutes(app, registry)
  addModeRoutes(app, registry)
  return app
}

function answer(c: Context, body: unknown, status = 200): Response {
  return c.body(JSON.stringify(body), status as 200, { 'content-type': REGISTRY_CONTENT_TYPE })
}

function failure(c: Context, errorCode: number, message: string): Response {
  const status = new RegistryError(errorCode, message).httpStatus
  return answer(c, { error_code: errorCode, message }, status)
}

function addSchemaRoutes(app: Hono, registry: EmbeddedRegistry): void {
  const schemaOf = (c: Context): string => {
    const id = Number(c.req.param('id'))
    const schema = registry.state.schemaById(id)
    if (schema === undefined)
      throw new RegistryError(ERROR_CODES.schemaNotFound, `Schema ${c.req.param('id')} not found`)
    return schema
  }
  const usesOf = (c: Context): readonly SchemaValue[] => {
    schemaOf(c)
    return registry.state.usesOf(Number(c.req.param('id')), isTrue(c, 'deleted'))
  }
  app.get('/schemas/ids/:id', (c) => {
    const body = { schema: schemaOf(c) }
    return answer(c, isTrue(c, 'fetchMaxId') ? { ...body, maxId: registry.state.idMax } : body)
  })
  app.get('/schemas/ids/:id/schema', (c) => c.body(schemaOf(c), 200, { 'content-type': REGISTRY_CONTENT_TYPE }))
  app.get('/schemas/ids/:id/subjects', (c) => answer(c, [...new Set(usesOf(c).map((value) => value.subject))]))
  app.get('/schemas/ids/:id/versions', (c) =>
    answer(
      c,
      usesOf(c).map(({ subject, version }) => ({ subject, version })),
    ),
  )
  app.get('/schemas', (c) => {
    const prefix = c.req.query('subjectPrefix') ?? ''
    const includeDeleted = isTrue(c, 'deleted')
    const subjects = registry.state.subjects(includeDeleted).filter((subject) => subject.startsWith(prefix))
    const latestOnly = isTrue(c, 'latestOnly')
    const values = subjects.flatMap((subject) => registry.versions(subject, includeDeleted).slice(latestOnly ? -1 : 0))
    return answer(c, page(c, values).map(publicValue))
  })
}

function addSubjectRoutes(app: Hono, registry: EmbeddedRegistry): void {
  app.get('/subjects', (c) => {
    const prefix = c.req.query('subjectPrefix') ?? ''
    const subjects = isTrue(c, 'deletedOnly')
      ? registry.state.subjects(true).filter((subject) => registry.state.versions(subject, false).length === 0)
      : registry.state.subjects(isTrue(c, 'deleted'))
    return answer(
      c,
      page(
        c,
        subjects.filter((subject) => subject.startsWith(prefix)),
      ),
    )
  })
  app.post('/subjects/:subject', async (c) => {
    const value = registry.lookup(subjectOf(c), await schemaInput(c), isTrue(c, 'deleted'))
    return answer(c, publicValue(value))
  })
  app.delete('/subjects/:subject', async (c) =>
    answer(c, await registry.deleteSubject(subjectOf(c), { permanent: isTrue(c, 'permanent') })),
  )
  app.get('/subjects/:subject/versions', (c) =>
    answer(
      c,
      registry.versions(subjectOf(c), isTrue(c, 'deleted')).map((value) => value.version),
    ),
  )
  app.post('/subjects/:subject/versions', async (c) =>
    answer(c, { id: await registry.register(subjectOf(c), await schemaInput(c)) }),
  )
  app.get('/subjects/:subject/versions/:version', (c) =>
    answer(c, publicValue(registry.version(subjectOf(c), versionOf(c), isTrue(c, 'deleted')))),
  )
  app.get('/subjects/:subject/versions/:version/schema', (c) => {
    const { schema } = registry.version(subjectOf(c), versionOf(c), isTrue(c, 'deleted'))
    return c.body(schema, 200, { 'content-type': REGISTRY_CONTENT_TYPE })
  })
  app.get('/subjects/:subject/versions/:version/referencedby', (c) => {
    registry.version(subjectOf(c), versionOf(c))
    return answer(c, [])
  })
  app.delete('/subjects/:subject/versions/:version', async (c) =>
    answer(c, await registry.deleteVersion(subjectOf(c), versionOf(c), { permanent: isTrue(c, 'permanent') })),
  )
}

function addCompatibilityRoutes(app: Hono, registry: EmbeddedRegistry): void {
  const verdict = async (c: Context, selector?: VersionSelector): Promise<Response> => {
    const messages = registry.compatibilityProblems(subjectOf(c), await schemaInput(c), selector)
    const body = { is_compatible: messages.length === 0 }
    return answer(c, isTrue(c, 'verbose') ? { ...body, messages } : body)
  }
  app.post('/compatibility/subjects/:subject/versions', (c) => verdict(c))
  app.post('/compatibility/subjects/:subject/versions/:version', (c) => verdict(c, versionOf(c)))
}

function addConfigRoutes(app: Hono, registry: EmbeddedRegistry): void {
  const put = async (c: Context, subject: string | null): Promise<Response> => {
    const { compatibility } = await jsonBody(c)
    if (typeof compatibility !== 'string')
      throw new RegistryError(ERROR_CODES.invalidCompatibility, 'compatibility is missing')
    await registry.setCompatibility(subject, compatibility)
    return answer(c, { compatibility: registry.effectiveCompatibility(subject) })
  }
  app.get('/config', (c) => answer(c, { compatibilityLevel: registry.effectiveCompatibility(null) }))
  app.put('/config', (c) => put(c, null))
  app.delete('/config', async (c) => {
    const level = registry.effectiveCompatibility(null)
    await registry.setCompatibility(null, undefined)
    return answer(c, { compatibilityLevel: level })
  })
  const own = (c: Context): string => {
    const subject = subjectOf(c)
    const level = registry.state.compatibilityOf(subject)
    if (level !== undefined) return level
    if (c.req.method === 'GET' && isTrue(c, 'defaultToGlobal')) return registry.effectiveCompatibility(null)
    throw new RegistryError(
      ERROR_CODES.compatibilityNotConfigured,
      `Subject '${subject}' does not have subject-level compatibility configured`,
    )
  }
  app.get('/config/:subject', (c) => answer(c, { compatibilityLevel: own(c) }))
  app.put('/config/:subject', (c) => put(c, subjectOf(c)))
  app.delete('/config/:subject', async (c) => {
    const level = own(c)
    await registry.setCompatibility(subjectOf(c), undefined)
    return answer(c, { compatibilityLevel: level })
  })
}

function addModeRoutes(app: Hono, registry: EmbeddedRegistry): void {
  const put = async (c: Context, subject: string | null): Promise<Response> => {
    const { mode } = await jsonBody(c)
    if (typeof mode !== 'string') throw new RegistryError(ERROR_CODES.invalidMode, 'mode is missing')
    await registry.setMode(subject, mode)
    return answer(c, { mode: registry.effectiveMode(subject) })
  }
  const own = (c: Context): string => {
    const subject = subjectOf(c)
    const mode = registry.state.modeOf(subject)
    if (mode !== undefined) return mode
    if (c.req.method === 'GET' && isTrue(c, 'defaultToGlobal')) return registry.effectiveMode(null)
    throw new RegistryError(
      ERROR_CODES.modeNotConfigured,
      `Subject '${subject}' does not have subject-level mode configured`,
    )
  }
  app.get('/mode', (c) => answer(c, { mode: registry.effectiveMode(null) }))
  app.put('/mode', (c) => put(c, null))
  app.get('/mode/:subject', (c) => answer(c, { mode: own(c) }))
  app.put('/mode/:subject', (c) => put(c, subjectOf(c)))
  app.delete('/mode/:subject', async (c) => {
    const mode = own(c)
    await registry.setMode(subjectOf(c), undefined)
    return answer(c, { mode })
  })
}

/** Confluent names the type of a schema only if it is not Avro. */
function publicValue({ subject, version, id, schema }: SchemaValue) {
  return { subject, version, id, schema }
}

function page<T>(c: Context, items: readonly T[]): readonly T[] {
  const offset = Math.max(0, Math.trunc(Number(c.req.query('offset') ?? 0)) || 0)
  const limit = Math.trunc(Number(c.req.query('limit') ?? -1)) || 0
  return limit > 0 ? items.slice(offset, offset + limit) : items.slice(offset)
}

function isTrue(c: Context, name: string): boolean {
  return c.req.query(name)?.toLowerCase() === 'true'
}

/** `:.:name` is a subject of the default context, written out in full. */
function subjectOf(c: Context): string {
  const subject = c.req.param('subject') ?? ''
  return subject.startsWith(':.:') ? subject.slice(3) : subject
}

function versionOf(c: Context): VersionSelector {
  const text = c.req.param('version') ?? ''
  if (text === 'latest' || text === '-1') return 'latest'
  const version = Number(text)
  if (/^\d{1,9}$/.test(text) && version >= 1) return version
  throw new RegistryError(
    ERROR_CODES.invalidVersion,
    `The specified version '${text}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
  )
}

async function jsonBody(c: Context): Promise<Readonly<Record<string, unknown>>> {
  const text = await c.req.text()
  try {
    const body: unknown = JSON.parse(text)
    if (body !== null && typeof body === 'object' && !Array.isArray(body))
      return body as Readonly<Record<string, unknown>>
  } catch {
    // Falls through to the answer below, which says the same for every body that is no JSON object.
  }
  throw new RegistryError(400, 'the body of the request is not a JSON object')
}

async function schemaInput(c: Context): Promise<SchemaInput> {
  const { schema, schemaType, references } = await jsonBody(c)
  if (typeof schema !== 'string')
    throw new RegistryError(ERROR_CODES.invalidSchema, 'Empty schema: "schema" is missing')
  if (schemaType != null && typeof schemaType !== 'string') {
    throw new RegistryError(ERROR_CODES.unprocessable, 'schemaType is not a string')
  }
  return {
    schema,
    ...(schemaType == null ? {} : { schemaType }),
    ...(Array.isArray(references) ? { references } : {}),
  }
}
