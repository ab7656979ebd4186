import { describe, expect, test } from 'vitest'
import { COMPATIBILITY_LEVELS, type CompatibilityLevel, parseAvro } from '#schemas'
import { schemaRegistryContract } from '../../schemas/serde/schema-registry.contract.ts'
import { canonicalSchemaText } from './canonical-schema.ts'
import { compatibilityProblems } from './compatibility.ts'
import { asSchemaRegistry } from './embedded-schema-registry.ts'
import { createLogStore } from './log-store.ts'
import { createEmbeddedRegistry, type EmbeddedRegistry } from './registry-core.ts'
import { createMemoryStore } from './registry-store.ts'
import { createMemoryLog } from './testing/memory-log.ts'

const recordText = (...fields: readonly object[]): string => JSON.stringify({ type: 'record', name: 'R', fields })
const schema = (...fields: readonly object[]) => ({ schema: recordText(...fields) })
const A = { name: 'a', type: 'string' }
const B = { name: 'b', type: 'int', default: 0 }
const C = { name: 'c', type: 'int', default: 0 }
const open = (): Promise<EmbeddedRegistry> => createEmbeddedRegistry(createMemoryStore())

describe('port, in memory', () => {
  schemaRegistryContract({ test, open: async () => asSchemaRegistry(await open()) })
})

describe('port, over a log', () => {
  const openOnLog = async () =>
    asSchemaRegistry(await createEmbeddedRegistry(createLogStore({ log: createMemoryLog().log, nowMs: () => 0 })))
  schemaRegistryContract({ test, open: openOnLog })
})

/** [what changes, old, new, new reads old, old reads new]. By the rules of schema resolution in Avro's specification. */
const CHANGES: readonly [string, unknown, unknown, boolean, boolean][] = [
  ['nothing', 'string', 'string', true, true],
  ['a wider number', 'int', 'long', true, false],
  ['a wider number, to double', 'long', 'double', true, false],
  ['text to bytes', 'string', 'bytes', true, true],
  ['text to a number', 'string', 'int', false, false],
  ['null allowed', 'string', ['null', 'string'], true, false],
  ['a branch more', ['null', 'string'], ['null', 'string', 'int'], true, false],
  ['branches in another order', ['null', 'string'], ['string', 'null'], true, true],
  ['a symbol more', enumOf('A', 'B'), enumOf('A', 'B', 'C'), true, false],
  [
    'a symbol more, with a default',
    { ...enumOf('A', 'B'), default: 'A' },
    { ...enumOf('A', 'B', 'C'), default: 'A' },
    true,
    true,
  ],
  ['another size', { type: 'fixed', name: 'F', size: 4 }, { type: 'fixed', name: 'F', size: 5 }, false, false],
  ['wider items', { type: 'array', items: 'int' }, { type: 'array', items: 'long' }, true, false],
  ['wider values', { type: 'map', values: 'int' }, { type: 'map', values: 'long' }, true, false],
  ['a field without default more', recordOf(A), recordOf(A, { name: 'b', type: 'int' }), false, true],
  ['a field with default more', recordOf(A), recordOf(A, B), true, true],
  ['fields in another order', recordOf(A, B), recordOf(B, A), true, true],
  ['a renamed field', recordOf(A), recordOf({ name: 'x', type: 'string' }), false, false],
  ['a renamed field with alias', recordOf(A), recordOf({ name: 'x', type: 'string', aliases: ['a'] }), true, false],
  ['a renamed record', recordOf(A), { ...recordOf(A), name: 'S' }, false, false],
  ['a renamed record with alias', recordOf(A), { ...recordOf(A), name: 'S', aliases: ['R'] }, true, false],
  [
    'a change inside',
    recordOf({ name: 'r', type: recordOf(A, 'I') }),
    recordOf({ name: 'r', type: recordOf(B, 'I') }),
    true,
    false,
  ],
]

function enumOf(...symbols: readonly string[]) {
  return { type: 'enum', name: 'E', symbols }
}

function recordOf(...parts: readonly (object | string)[]) {
  const name = parts.find((part) => typeof part === 'string') ?? 'R'
  return { type: 'record', name, fields: parts.filter((part) => typeof part === 'object') }
}

describe('compatibility', () => {
  test.each(CHANGES)('%s', (_, before, after, newReadsOld, oldReadsNew) => {
    const compatible = (level: CompatibilityLevel): boolean =>
      compatibilityProblems(level, parseAvro(after), [{ version: 1, type: parseAvro(before) }]).length === 0
    const expected = { NONE: true, BACKWARD: newReadsOld, FORWARD: oldReadsNew, FULL: newReadsOld && oldReadsNew }
    for (const [level, isCompatible] of Object.entries(expected)) {
      expect(compatible(level as CompatibilityLevel), level).toBe(isCompatible)
      if (level !== 'NONE') expect(compatible(`${level}_TRANSITIVE` as CompatibilityLevel), level).toBe(isCompatible)
    }
  })

  test('transitive levels look at every version, the others at the latest', () => {
    const [first, second, third] = [recordOf(A), recordOf(A, B), recordOf(A, { name: 'b', type: 'int' })].map(parseAvro)
    const earlier = [
      { version: 1, type: first as never },
      { version: 2, type: second as never },
    ]
    const problems = (level: CompatibilityLevel) => compatibilityProblems(level, third as never, earlier)
    expect(problems('BACKWARD')).toEqual([])
    expect(problems('BACKWARD_TRANSITIVE')).toHaveLength(1)
    expect(problems('BACKWARD_TRANSITIVE')[0]).toMatch(
      /cannot read data of version 1: no matching field for default-less R\.b/,
    )
    expect(problems('FULL_TRANSITIVE')).toHaveLength(1)
  })
})

describe('canonical text', () => {
  test.each([
    ['{"type":"string"}', '"string"'],
    ['{"type":{"type":"array","items":{"type":"int"}}}', '{"type":"array","items":"int"}'],
    ['{"name":"a.b.R","type":"record","fields":[]}', '{"type":"record","name":"R","namespace":"a.b","fields":[]}'],
    [
      '{"type":"record","name":"R","namespace":"n","z":{"q":1,"b":2},"fields":[{"name":"f","type":{"type":"enum","name":"n.E","symbols":["X"]}},{"name":"g","type":"n.E"}]}',
      '{"type":"record","name":"R","namespace":"n","fields":[{"type":{"type":"enum","name":"E","symbols":["X"]},"name":"f"},{"type":"E","name":"g"}],"z":{"b":2,"q":1}}',
    ],
  ])('%s', (text, expected) => {
    const canonical = canonicalSchemaText(JSON.parse(text))
    expect(canonical).toBe(expected)
    expect(canonicalSchemaText(JSON.parse(canonical)), 'is stable').toBe(canonical)
  })

  test('docs, defaults and custom attributes make another schema', async () => {
    const registry = await open()
    const ids = [schema(A), schema({ ...A, doc: 'd' }), schema({ ...A, default: '' }), schema({ ...A, tag: 1 })].map(
      (input) => registry.register('s', input),
    )
    expect(await Promise.all(ids)).toEqual([1, 2, 3, 4])
  })
})

describe('deleting', () => {
  test('soft, then for good', async () => {
    const registry = await open()
    await registry.register('s', schema(A))
    await registry.register('s', schema(A, B))
    await expect(registry.deleteVersion('s', 1, { permanent: true })).rejects.toMatchObject({ errorCode: 40407 })
    expect(await registry.deleteVersion('s', 1, { permanent: false })).toBe(1)
    await expect(registry.deleteVersion('s', 1, { permanent: false })).rejects.toMatchObject({ errorCode: 40406 })
    expect(registry.versions('s').map((value) => value.version)).toEqual([2])
    expect(registry.versions('s', true).map((value) => value.version)).toEqual([1, 2])
    expect(registry.state.schemaById(1), 'records that were written with it stay readable').toBeDefined()
    expect(await registry.deleteVersion('s', 1, { permanent: true })).toBe(1)
    expect(registry.state.schemaById(1)).toBeUndefined()
    await expect(registry.deleteSubject('s', { permanent: true })).rejects.toMatchObject({ errorCode: 40405 })
    expect(await registry.deleteSubject('s', { permanent: false })).toEqual([2])
    await expect(registry.deleteSubject('s', { permanent: false })).rejects.toMatchObject({ errorCode: 40404 })
    expect(await registry.deleteSubject('s', { permanent: true })).toEqual([2])
    await expect(registry.deleteSubject('s', { permanent: false })).rejects.toMatchObject({ errorCode: 40401 })
  })

  test('a schema that was deleted for good gets a new id, as after a restart', async () => {
    const registry = await open()
    expect(await registry.register('s', schema(A))).toBe(1)
    await registry.deleteSubject('s', { permanent: false })
    await registry.deleteSubject('s', { permanent: true })
    expect(await registry.register('s', schema(A))).toBe(2)
  })

  test('a schema that was soft deleted comes back as a new version with its old id', async () => {
    const registry = await open()
    expect(await registry.register('s', schema(A))).toBe(1)
    await registry.deleteSubject('s', { permanent: false })
    expect(await registry.register('s', schema(A))).toBe(1)
    expect(registry.versions('s').map((value) => value.version)).toEqual([2])
  })
})

describe('read-only mode', () => {
  test('refuses changes, but not what is there already', async () => {
    const registry = await open()
    expect(await registry.register('s', schema(A))).toBe(1)
    await registry.setMode(null, 'READONLY')
    expect(await registry.register('s', schema(A))).toBe(1)
    await expect(registry.register('s', schema(A, B))).rejects.toMatchObject({ errorCode: 42205 })
    await expect(registry.deleteSubject('s', { permanent: false })).rejects.toMatchObject({ errorCode: 42205 })
    await registry.setMode('s', 'READWRITE')
    expect(await registry.register('s', schema(A, B))).toBe(2)
  })
})

describe('persistence', () => {
  const openOn = (log: ReturnType<typeof createMemoryLog>) =>
    createEmbeddedRegistry(createLogStore({ log: log.log, nowMs: () => 0 }))

  test('a restart knows the same: subjects, versions, ids, levels, modes, deletions', async () => {
    const log = createMemoryLog()
    const registry = await openOn(log)
    await registry.setCompatibility(null, 'FULL')
    await registry.setCompatibility('s', 'NONE')
    await registry.register('s', schema(A))
    await registry.register('s', schema({ name: 'x', type: 'int' }))
    await registry.register('t', schema(A, B))
    await registry.deleteVersion('s', 1, { permanent: false })
    await registry.setMode('t', 'READONLY')
    const picture = (from: EmbeddedRegistry) => ({
      subjects: from.state.subjects(true).map((subject) => from.versions(subject, true)),
      levels: [null, 's', 't'].map((subject) => from.effectiveCompatibility(subject)),
      modes: ['s', 't'].map((subject) => from.effectiveMode(subject)),
      idMax: from.state.idMax,
    })
    const before = picture(registry)
    expect(picture(await openOn(log))).toEqual(before)
    log.compact()
    expect(picture(await openOn(log))).toEqual(before)
  })

  test('an id is never given twice, even after its schema is deleted for good and compacted away', async () => {
    const log = createMemoryLog()
    const registry = await openOn(log)
    expect(await registry.register('s', schema(A))).toBe(1)
    expect(await registry.register('s', schema(A, B))).toBe(2)
    await registry.deleteSubject('s', { permanent: false })
    await registry.deleteSubject('s', { permanent: true })
    log.compact()
    const restarted = await openOn(log)
    expect(restarted.state.subjects(true)).toEqual([])
    expect(await restarted.register('s', schema(A, C))).toBe(3)
  })

  test.each(['lost-request', 'lost-answer'] as const)(
    'a commit with %s: the caller is told, and the next command sees the truth',
    async (fault) => {
      const log = createMemoryLog()
      const registry = await openOn(log)
      await registry.register('s', schema(A))
      log.failNextCommit(fault)
      await expect(registry.register('s', schema(A, B))).rejects.toMatchObject({ errorCode: 50001 })
      expect(await registry.register('s', schema(A, B)), 'the retry').toBe(2)
      expect(await registry.register('s', schema(A, B, C))).toBe(3)
      expect((await openOn(log)).versions('s').map(({ version, id }) => [version, id])).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
      ])
    },
  )

  test('two registries on one log never give one id to two schemas', async () => {
    const log = createMemoryLog()
    const left = await openOn(log)
    await left.register('s', schema(A))
    const right = await openOn(log)
    expect(await right.register('right', schema(A, B))).toBe(2)
    // Left was fenced: its first try fails, then it reads what right wrote.
    await expect(left.register('left', schema(A, C))).rejects.toMatchObject({ errorCode: 50001 })
    expect(await left.register('left', schema(A, C))).toBe(3)
    expect(left.state.subjects(false)).toEqual(['left', 'right', 's'])
  })

  test('a topic that holds something else is not guessed at', async () => {
    const log = createMemoryLog()
    const producer = await log.log.createProducer({ clientId: 'x', transactionalId: 'x', bufferBytesMax: 1 })
    producer.send('_schemas', 0, new TextEncoder().encode('{"keytype":"MYSTERY"}'), null, 0, [])
    await producer.commitTransaction('x', [])
    await expect(openOn(log)).rejects.toThrow(
      '_schemas offset 0: a record of the schema topic has the unknown keytype MYSTERY',
    )
  })
})

test('every level can be set, and nothing else', async () => {
  const registry = await open()
  for (const level of COMPATIBILITY_LEVELS) {
    await registry.setCompatibility('s', level.toLowerCase())
    expect(registry.effectiveCompatibility('s')).toBe(level)
  }
  expect(() => registry.effectiveCompatibility(null)).not.toThrow()
  await expect(registry.setCompatibility('s', 'SOMETIMES')).rejects.toMatchObject({ errorCode: 42203 })
})
