import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { SchemaError, type SchemaRegistry } from './schema-registry.ts'

/** What every schema registry does. `open` gives one without subjects. */
export type RegistryContract = {
  readonly test: (name: string, body: () => Promise<void>) => void
  readonly open: () => Promise<SchemaRegistry>
}

const recordText = (...fields: readonly object[]): string =>
  JSON.stringify({ type: 'record', name: 'R', namespace: 'n', fields })
const A = { name: 'a', type: 'string' }
const B = { name: 'b', type: 'int' }
const B_DEFAULT = { name: 'b', type: 'int', default: 7 }

export function schemaRegistryContract({ test, open }: RegistryContract): void {
  test('a schema keeps its id: registered again, under another subject, written otherwise', async () => {
    const registry = await open()
    const id = await registry.register('n.R', recordText(A))
    equal(await registry.register('n.R', recordText(A)), id)
    equal(await registry.register('other', recordText(A)), id)
    equal(
      await registry.register(
        'n.R',
        `{"name":"n.R", "fields":[{"type":{"type":"string"},"name":"a"}],\n"type":"record"}`,
      ),
      id,
    )
    notEqual(await registry.register('n.R', recordText(A, B_DEFAULT)), id)
  })

  test('a schema is found by its id, and says the same', async () => {
    const registry = await open()
    const id = await registry.register('n.R', recordText(A, B_DEFAULT))
    const text = await registry.schemaById(id)
    deepEqual(JSON.parse(text ?? ''), JSON.parse(recordText(A, B_DEFAULT)))
    equal(await registry.schemaById(id + 1_000), undefined)
  })

  test('a subject without versions accepts every schema', async () => {
    const registry = await open()
    deepEqual(await registry.checkCompatibility('n.R', recordText(A)), { compatible: true, reasons: [] })
  })

  test('an incompatible schema is refused with a reason and changes nothing', async () => {
    const registry = await open()
    await registry.setCompatibility('n.R', 'BACKWARD')
    const id = await registry.register('n.R', recordText(A))
    const verdict = await registry.checkCompatibility('n.R', recordText(A, B))
    equal(verdict.compatible, false)
    match(verdict.reasons.join(), /b/)
    await rejects(registry.register('n.R', recordText(A, B)), (error) => {
      ok(error instanceof SchemaError)
      return error.code === 'SCHEMA_INCOMPATIBLE'
    })
    equal(await registry.register('n.R', recordText(A)), id)
  })

  test('the level of a subject can be changed', async () => {
    const registry = await open()
    await registry.register('n.R', recordText(A))
    await registry.setCompatibility('n.R', 'NONE')
    equal((await registry.checkCompatibility('n.R', recordText(A, B))).compatible, true)
    await registry.register('n.R', recordText(A, B))
  })

  test('all versions of a subject are found, oldest first', async () => {
    const registry = await open()
    deepEqual(await registry.versionsOf('n.R'), [])
    const first = await registry.register('n.R', recordText(A))
    const second = await registry.register('n.R', recordText(A, B_DEFAULT))
    await registry.register('other', recordText(A))
    const found = await registry.versionsOf('n.R')
    deepEqual(
      found.map(({ id, text }) => [id, JSON.parse(text)]),
      [
        [first, JSON.parse(recordText(A))],
        [second, JSON.parse(recordText(A, B_DEFAULT))],
      ],
    )
  })

  test('what is no schema is refused as such', async () => {
    const registry = await open()
    for (const text of ['', '{', '"nothing"', '{"type":"record","name":"R"}']) {
      await rejects(
        registry.register('n.R', text),
        (error) => error instanceof SchemaError && error.code === 'SCHEMA_INVALID',
      )
    }
  })

  test('subjects may hold any printable character', async () => {
    const registry = await open()
    for (const subject of ['a/b', 'ä ö?#%', 'x:y']) {
      const id = await registry.register(subject, recordText(A))
      equal(await registry.register(subject, recordText(A)), id)
    }
  })

  test('many at once get one id', async () => {
    const registry = await open()
    const ids = await Promise.all(Array.from({ length: 20 }, () => registry.register('n.R', recordText(A))))
    equal(new Set(ids).size, 1)
  })
}
