import { describe, expect, test } from 'vitest'
import { createAvroReader, createAvroWriter, parseAvro, problemOfReading, problemOfValue } from './avro-codec.ts'

const noHeader = (): number => 0
const LISTS = (items: string) => ({
  type: 'record',
  name: 'R',
  fields: [{ name: 'a', type: { type: 'array', items } }],
})
const MAPS = { type: 'record', name: 'R', fields: [{ name: 'a', type: { type: 'map', values: 'int' } }] }
const NOTHING = { type: 'record', name: 'R', fields: [] }

function read(reader: unknown, writer: unknown, bytes: readonly number[]): unknown {
  return createAvroReader(parseAvro(reader), parseAvro(writer)).read(Uint8Array.from(bytes), 0)
}

/** 2^31 as a zigzag varint. */
const HUGE = [0x80, 0x80, 0x80, 0x80, 0x10]

describe('lists and maps from damaged bytes', () => {
  test.each<[string, unknown, unknown, readonly number[]]>([
    ['a list of texts', LISTS('string'), LISTS('string'), [...HUGE, 0]],
    ['a list of nulls, which take no bytes', LISTS('null'), LISTS('null'), [...HUGE, 0]],
    ['a list that is not wanted', NOTHING, LISTS('null'), [...HUGE, 0]],
    ['a map', MAPS, MAPS, [...HUGE, 0]],
    ['a map that is not wanted', NOTHING, MAPS, [...HUGE, 0]],
  ])('%s cannot claim more items than there are bytes', (_, reader, writer, bytes) => {
    const startMs = performance.now()
    expect(() => read(reader, writer, bytes)).toThrow('a list claims 2147483648 items, but only 1 bytes are left')
    expect(performance.now() - startMs).toBeLessThan(200)
  })

  test.each<[string, unknown]>([
    ['read', LISTS('string')],
    ['skipped', NOTHING],
  ])('a block with a size that points backwards is %s by its items, not by its size', (_, reader) => {
    // Count -1, size -5, the text "x", end.
    const bytes = [0x01, 0x09, 0x02, 0x78, 0x00]
    expect(read(reader, LISTS('string'), bytes)).toEqual(reader === NOTHING ? {} : { a: ['x'] })
  })

  test('a key of a map named __proto__ is a key', () => {
    const bytes = [0x02, 18, ...new TextEncoder().encode('__proto__'), 0x0e, 0x00]
    const { a } = read(MAPS, MAPS, bytes) as { a: object }
    expect(Object.keys(a)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(a)).toBe(Object.prototype)
  })
})

describe('values', () => {
  test('are plain objects of one shape', () => {
    const type = parseAvro({ type: 'record', name: 'R', fields: [{ name: 'r', type: { ...NOTHING, name: 'I' } }] })
    const bytes = createAvroWriter(type).write({ r: {} }, noHeader)
    const value = createAvroReader(type, type).read(bytes, 0) as { r: object }
    expect(value).toStrictEqual({ r: {} })
    expect(Object.getPrototypeOf(value.r)).toBe(Object.prototype)
  })

  test('larger than the buffer are written, beyond the limit refused', () => {
    const type = parseAvro('string')
    const text = 'x'.repeat(5_000_000)
    const bytes = createAvroWriter(type).write(text, noHeader)
    expect(createAvroReader(type, type).read(bytes, 0)).toBe(text)
    expect(() => createAvroWriter(type).write('x'.repeat(65 * 1024 * 1024), noHeader)).toThrow(
      'more than 67108864 bytes',
    )
  })

  test('nested too deeply are an error, not a crash', () => {
    const recursive = { type: 'record', name: 'R', fields: [{ name: 'r', type: ['null', 'R'] }] }
    expect(() => read(recursive, recursive, new Array(1_000_000).fill(2))).toThrow()
  })

  test('that do not fit are named by their path', () => {
    const type = parseAvro({
      type: 'record',
      name: 'R',
      fields: [{ name: 'a', type: { type: 'array', items: ['null', 'int'] } }],
    })
    expect(problemOfValue(type, { a: [1, null, 'x'] })).toBe('a.2: expected null or int, got a string of 1 characters')
    expect(problemOfValue(type, { a: [1, null] })).toBeUndefined()
  })
})

test('why one schema cannot read another is said in words', () => {
  expect(problemOfReading(parseAvro('int'), parseAvro('string'))).toMatch(/cannot read "string" as "int"/)
  expect(problemOfReading(parseAvro('long'), parseAvro('int'))).toBeUndefined()
})
