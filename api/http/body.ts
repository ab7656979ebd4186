import { type JsonSchema, problemOfJson, type SchemaComponents } from './json-schema.ts'
import { ApiProblem } from './problem.ts'

export const BODY_BYTES_MAX = 16 * 1024

/** The JSON of a request that fits the schema, or a problem that says why not. */
export async function readBody(request: Request, schema: JsonSchema, components: SchemaComponents): Promise<unknown> {
  // Forms of other sites can send text and form data without asking; JSON they cannot.
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? '')) {
    throw new ApiProblem('unsupported-media-type', 'Send the content as application/json.')
  }
  const text = await readText(request)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ApiProblem('bad-body', 'The content is not JSON.')
  }
  const problem = problemOfJson(schema, value, components)
  if (problem !== undefined) throw new ApiProblem('bad-body', problem)
  return value
}

async function readText(request: Request): Promise<string> {
  const tooLarge = new ApiProblem('too-large', `The content has more than ${BODY_BYTES_MAX} bytes.`)
  if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES_MAX) throw tooLarge
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > BODY_BYTES_MAX) throw tooLarge
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
