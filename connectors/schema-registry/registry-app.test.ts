import { beforeEach, describe, expect, test } from 'vitest'
import { createRegistryApp, REGISTRY_CONTENT_TYPE } from './registry-app.ts'
import { createEmbeddedRegistry } from './registry-core.ts'
import { createMemoryStore } from './registry-store.ts'

const recordText = (...fields: readonly object[]): string => JSON.stringify({ type: 'record', name: 'R', fields })
const A = { name: 'a', type: 'string' }
const TEXT_A = '{"type":"record","name":"R","fields":[{"type":"string","name":"a"}]}'
const bodyA = { schema: recordText(A) }
const bodyB = { schema: recordText(A, { name: 'b', type: 'int', default: 1 }) }
const bodyBroken = { schema: recordText(A, { name: 'b', type: 'int' }) }
const bodyOther = { schema: recordText({ name: 'x', type: 'int', default: 1 }) }

let app: ReturnType<typeof createRegistryApp>
beforeEach(async () => {
  app = createRegistryApp(await createEmbeddedRegistry(createMemoryStore()))
})

type Call = readonly [request: string, body: unknown, status: number, answer: unknown]

/** Runs the calls one after the other; the answers are those that Confluent's registry gives. */
async function run(calls: readonly Call[]): Promise<void> {
  for (const [request, body, status, answer] of calls) {
    const [method, path] = request.split(' ') as [string, string]
    const response = await app.request(path, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    expect([response.status, JSON.parse(text)], request).toEqual([status, answer])
    expect(response.headers.get('content-type')).toBe(REGISTRY_CONTENT_TYPE)
  }
}

const failure = (error_code: number, message: unknown = expect.any(String)) => ({ error_code, message })

const SESSIONS: Readonly<Record<string, readonly Call[]>> = {
  'an empty registry': [
    ['GET /', undefined, 200, {}],
    ['GET /subjects', undefined, 200, []],
    ['GET /schemas/types', undefined, 200, ['AVRO']],
    ['GET /contexts', undefined, 200, ['.']],
    ['GET /config', undefined, 200, { compatibilityLevel: 'BACKWARD' }],
    ['GET /mode', undefined, 200, { mode: 'READWRITE' }],
    ['GET /schemas/ids/1', undefined, 404, failure(40403, 'Schema 1 not found')],
    ['GET /subjects/s/versions', undefined, 404, failure(40401, "Subject 's' not found.")],
    ['GET /subjects/s/versions/latest', undefined, 404, failure(40401)],
    ['DELETE /subjects/s', undefined, 404, failure(40401)],
    ['POST /subjects/s', bodyA, 404, failure(40401)],
    ['GET /nowhere', undefined, 404, failure(404)],
  ],
  'registering and reading': [
    ['POST /subjects/s/versions', bodyA, 200, { id: 1 }],
    ['POST /subjects/s/versions', bodyA, 200, { id: 1 }],
    ['POST /subjects/s/versions', { ...bodyB, schemaType: 'AVRO', references: [] }, 200, { id: 2 }],
    ['POST /subjects/a%2Fb/versions', bodyA, 200, { id: 1 }],
    ['GET /subjects', undefined, 200, ['a/b', 's']],
    ['GET /subjects?subjectPrefix=a', undefined, 200, ['a/b']],
    ['GET /subjects/s/versions', undefined, 200, [1, 2]],
    ['GET /subjects/s/versions/1', undefined, 200, { subject: 's', version: 1, id: 1, schema: TEXT_A }],
    ['GET /subjects/s/versions/latest', undefined, 200, expect.objectContaining({ version: 2, id: 2 })],
    ['GET /subjects/s/versions/-1', undefined, 200, expect.objectContaining({ version: 2 })],
    ['GET /subjects/s/versions/1/schema', undefined, 200, JSON.parse(TEXT_A)],
    ['GET /subjects/s/versions/1/referencedby', undefined, 200, []],
    ['GET /subjects/s/versions/3', undefined, 404, failure(40402, "Version 3 not found for subject 's'.")],
    ['GET /subjects/s/versions/zero', undefined, 422, failure(42202)],
    ['GET /subjects/s/versions/0', undefined, 422, failure(42202)],
    ['POST /subjects/s', bodyB, 200, expect.objectContaining({ subject: 's', version: 2, id: 2 })],
    ['POST /subjects/s', bodyOther, 404, failure(40403, "Schema not found under subject 's'.")],
    ['GET /schemas/ids/1', undefined, 200, { schema: TEXT_A }],
    ['GET /schemas/ids/1?fetchMaxId=true', undefined, 200, { schema: TEXT_A, maxId: 2 }],
    ['GET /schemas/ids/1/schema', undefined, 200, JSON.parse(TEXT_A)],
    ['GET /schemas/ids/1/subjects', undefined, 200, ['a/b', 's']],
    [
      'GET /schemas/ids/1/versions',
      undefined,
      200,
      [
        { subject: 'a/b', version: 1 },
        { subject: 's', version: 1 },
      ],
    ],
    [
      'GET /schemas?subjectPrefix=s&latestOnly=true',
      undefined,
      200,
      [expect.objectContaining({ subject: 's', version: 2 })],
    ],
    ['GET /subjects?offset=1&limit=5', undefined, 200, ['s']],
  ],
  'what is refused': [
    ['POST /subjects/s/versions', '{', 400, failure(400)],
    ['POST /subjects/s/versions', '[]', 400, failure(400)],
    ['POST /subjects/s/versions', {}, 422, failure(42201)],
    ['POST /subjects/s/versions', { schema: '{"type":"nothing"}' }, 422, failure(42201)],
    [
      'POST /subjects/s/versions',
      { ...bodyA, schemaType: 'PROTOBUF' },
      422,
      failure(422, expect.stringContaining('AVRO only')),
    ],
    [
      'POST /subjects/s/versions',
      { ...bodyA, references: [{ name: 'x' }] },
      422,
      failure(422, expect.stringContaining('not supported')),
    ],
    ['POST /subjects/s/versions', 'x'.repeat(3_000_000), 413, failure(413)],
    ['PUT /config', { compatibility: 'SOMETIMES' }, 422, failure(42203)],
    ['PUT /config', {}, 422, failure(42203)],
    ['PUT /mode', { mode: 'IMPORT' }, 422, failure(42204)],
    ['GET /subjects', undefined, 200, []],
  ],
  compatibility: [
    ['POST /compatibility/subjects/s/versions/latest', bodyA, 200, { is_compatible: true }],
    ['POST /compatibility/subjects/s/versions', bodyA, 200, { is_compatible: true }],
    ['POST /compatibility/subjects/s/versions/1', bodyA, 404, failure(40401)],
    ['POST /subjects/s/versions', bodyA, 200, { id: 1 }],
    ['POST /compatibility/subjects/s/versions/latest', bodyBroken, 200, { is_compatible: false }],
    [
      'POST /compatibility/subjects/s/versions/1?verbose=true',
      bodyBroken,
      200,
      { is_compatible: false, messages: [expect.stringContaining('no matching field for default-less R.b')] },
    ],
    ['POST /compatibility/subjects/s/versions/9', bodyB, 404, failure(40402)],
    ['POST /compatibility/subjects/s/versions/latest', { schema: '7' }, 422, failure(42201)],
    [
      'POST /subjects/s/versions',
      bodyBroken,
      409,
      failure(409, expect.stringContaining('incompatible with an earlier schema')),
    ],
    ['GET /config/s', undefined, 404, failure(40408)],
    ['GET /config/s?defaultToGlobal=true', undefined, 200, { compatibilityLevel: 'BACKWARD' }],
    ['PUT /config/s', { compatibility: 'none' }, 200, { compatibility: 'NONE' }],
    ['GET /config/s', undefined, 200, { compatibilityLevel: 'NONE' }],
    ['POST /subjects/s/versions', bodyBroken, 200, { id: 2 }],
    ['DELETE /config/s', undefined, 200, { compatibilityLevel: 'NONE' }],
    ['DELETE /config/s', undefined, 404, failure(40408)],
    ['PUT /config', { compatibility: 'FULL' }, 200, { compatibility: 'FULL' }],
    ['GET /config', undefined, 200, { compatibilityLevel: 'FULL' }],
    ['DELETE /config', undefined, 200, { compatibilityLevel: 'FULL' }],
    ['GET /config', undefined, 200, { compatibilityLevel: 'BACKWARD' }],
  ],
  deleting: [
    ['POST /subjects/s/versions', bodyA, 200, { id: 1 }],
    ['POST /subjects/s/versions', bodyB, 200, { id: 2 }],
    ['DELETE /subjects/s/versions/1?permanent=true', undefined, 404, failure(40407)],
    ['DELETE /subjects/s/versions/1', undefined, 200, 1],
    ['DELETE /subjects/s/versions/1', undefined, 404, failure(40406)],
    ['GET /subjects/s/versions', undefined, 200, [2]],
    ['GET /subjects/s/versions?deleted=true', undefined, 200, [1, 2]],
    ['GET /subjects/s/versions/1', undefined, 404, failure(40402)],
    ['GET /schemas/ids/1', undefined, 200, { schema: TEXT_A }],
    ['DELETE /subjects/s?permanent=true', undefined, 404, failure(40405)],
    ['DELETE /subjects/s', undefined, 200, [2]],
    ['DELETE /subjects/s', undefined, 404, failure(40404)],
    ['GET /subjects', undefined, 200, []],
    ['GET /subjects?deleted=true', undefined, 200, ['s']],
    ['GET /subjects?deletedOnly=true', undefined, 200, ['s']],
    ['DELETE /subjects/s?permanent=true', undefined, 200, [1, 2]],
    ['GET /subjects?deleted=true', undefined, 200, []],
    ['GET /schemas/ids/1', undefined, 404, failure(40403)],
    ['POST /subjects/s/versions', bodyOther, 200, { id: 3 }],
  ],
  modes: [
    ['GET /mode/s', undefined, 404, failure(40409)],
    ['PUT /mode/s', { mode: 'readonly' }, 200, { mode: 'READONLY' }],
    ['POST /subjects/s/versions', bodyA, 422, failure(42205)],
    ['GET /mode/s', undefined, 200, { mode: 'READONLY' }],
    ['DELETE /mode/s', undefined, 200, { mode: 'READONLY' }],
    ['GET /mode/s?defaultToGlobal=true', undefined, 200, { mode: 'READWRITE' }],
    ['POST /subjects/s/versions', bodyA, 200, { id: 1 }],
    ['PUT /mode', { mode: 'READONLY' }, 200, { mode: 'READONLY' }],
    ['DELETE /subjects/s', undefined, 422, failure(42205)],
  ],
}

describe('REST interface', () => {
  test.each(Object.entries(SESSIONS))('%s', (_, calls) => run(calls))
})
