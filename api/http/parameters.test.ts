import { expect, test } from 'vitest'
import { problemOfJson } from './json-schema.ts'
import { choices, moment, optionalText, pathText, readParameters, wholeNumber } from './parameters.ts'

const parameters = {
  id: pathText('An id.', 5),
  text: optionalText('Text.', 5),
  size: wholeNumber('Size.', { minimum: 1, maximum: 10, otherwise: 3 }),
  at: moment('When.'),
  kinds: choices('Kinds.', ['a', 'b']),
}

function read(texts: Readonly<Record<string, string>>) {
  const problems: { field: string; reason: string }[] = []
  const values = readParameters(parameters, (name) => texts[name], problems)
  return { values, problems }
}

test('what is not given gets its default', () => {
  expect(read({ id: 'x' }).values).toEqual({ id: 'x', text: undefined, size: 3, at: undefined, kinds: [] })
})

test.each([
  ['2026-03-01T09:30:00Z', Date.UTC(2026, 2, 1, 9, 30)],
  ['2026-03-01T09:30:00+03:00', Date.UTC(2026, 2, 1, 6, 30)],
  ['2026-03-01', Date.UTC(2026, 2, 1)],
  ['1772357400000', 1_772_357_400_000],
])('moment %s', (text, timeMs) => {
  expect(read({ id: 'x', at: text }).values.at).toBe(timeMs)
})

test.each([
  ['id', '', 'must not be empty'],
  ['id', 'abcdef', 'must have at most 5 characters'],
  ['text', 'abcdef', 'must have at most 5 characters'],
  ['size', '0', 'must be from 1 to 10'],
  ['size', '11', 'must be from 1 to 10'],
  ['size', '2.5', 'must be a whole number'],
  ['size', 'ten', 'must be a whole number'],
  ['size', '1e1', 'must be a whole number'],
  ['at', 'yesterday', 'must be ISO 8601'],
  ['at', '2026-03-01T09:30:00', 'must be ISO 8601'],
  ['at', '2026-13-45', 'must be ISO 8601'],
  ['at', '2026-02-30', 'must be ISO 8601'],
  ['at', '2026-04-31T00:00:00Z', 'must be ISO 8601'],
  ['kinds', 'a,c', '"c" is none of a, b'],
])('%s = %j is refused: %s', (field, text, reason) => {
  const { problems } = read({ id: 'x', [field]: text })
  expect(problems).toEqual([{ field, reason: expect.stringContaining(reason) }])
})

test('all problems are named at once', () => {
  expect(read({ size: 'x', at: 'x' }).problems.map(({ field }) => field)).toEqual(['id', 'size', 'at'])
})

const components = { Item: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } } as const

test.each([
  [{ $ref: '#/components/schemas/Item' }, { n: 1 }, undefined],
  [{ $ref: '#/components/schemas/Item' }, {}, '$.n: is missing'],
  [{ $ref: '#/components/schemas/None' }, {}, 'there is no'],
  [{ type: 'array', items: { $ref: '#/components/schemas/Item' } }, [{ n: 1 }, { n: 1.5 }], '$[1].n: must be a whole'],
  [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, null, undefined],
  [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 3, 'expected a string, got number'],
  [{ type: 'object', properties: {}, additionalProperties: false }, { a: 1 }, '$.a: is not described'],
  [{ type: 'string', enum: ['a'] }, 'b', 'must be a'],
] as const)('schema %j and value %j', (schema, value, problem) => {
  const found = problemOfJson(schema, value, components)
  if (problem === undefined) expect(found).toBeUndefined()
  else expect(found).toContain(problem)
})
