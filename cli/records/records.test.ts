import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { createAvroWriter, parseAvro, writeWireHeader } from '#schemas'
import { type Bytes, StreamsError, utf8Encode } from '#streams/base'
import { type Header, type LogRecord, NO_HEADERS } from '#streams/ports'
import type { AvroEncoding } from './avro-values.ts'
import { type Line, linesOf } from './lines.ts'
import { createRecordParser, type ParsedRecord, type RecordFormat } from './parse-record.ts'
import { fromOf } from './positions.ts'
import { createRecordPrinter, type PrintOptions } from './print-record.ts'
import { sendLines } from './send-lines.ts'

const text = (value: string): Bytes => utf8Encode(value)
const hex = (value: Bytes | null | undefined): string | null | undefined =>
  value == null ? value : Buffer.from(value).toString('hex')
const bytes = (value: string): Bytes => new Uint8Array(Buffer.from(value, 'hex'))

const POINT = parseAvro({ type: 'record', name: 'Point', fields: [{ name: 'x', type: 'long' }] })
const pointBytes = createAvroWriter(POINT).write({ x: 3 }, (target) => writeWireHeader(target, 7))
const avro: AvroEncoding = {
  decode: (value) => (hex(value) === hex(pointBytes) ? { schemaId: 7, value: { x: 3 } } : undefined),
  load: async () => {},
  encode: (value, id) => text(`avro${id}${JSON.stringify(value)}`),
  idOf: async (schema) => Number(schema),
  idFor: async () => 9,
}

const DEFAULTS: RecordFormat = {
  topic: 'topic',
  format: 'text',
  keyFormat: 'text',
  keySeparator: undefined,
  nullText: undefined,
  headers: NO_HEADERS,
  partition: undefined,
  timestampMs: undefined,
  schema: undefined,
  avro,
}
const parse = (line: string, options: Partial<RecordFormat> = {}): Promise<ParsedRecord | undefined> =>
  createRecordParser({ ...DEFAULTS, ...options })(text(line))

describe('a line is a record', () => {
  test.each<[string, Partial<RecordFormat>, string | null, string | null]>([
    ['to be', {}, null, 'to be'],
    ['', {}, null, ''],
    ['a=b=c', { keySeparator: text('=') }, 'a', 'b=c'],
    ['=b', { keySeparator: text('=') }, '', 'b'],
    ['a::b', { keySeparator: text('::') }, 'a', 'b'],
    ['a=-', { keySeparator: text('='), nullText: text('-') }, 'a', null],
    ['-=b', { keySeparator: text('='), nullText: text('-') }, null, 'b'],
    ['{"amount":12345678901234567890}', { format: 'json' }, null, '{"amount":12345678901234567890}'],
    ['{"x":1}', { format: 'avro' }, null, 'avro9{"x":1}'],
    ['{"x":1}', { format: 'avro', schema: '4' }, null, 'avro4{"x":1}'],
    [
      '{"key":"k","value":{"amount":12345678901234567890}}',
      { format: 'record' },
      'k',
      '{"amount":12345678901234567890}',
    ],
    ['{"key":"k"}', { format: 'record' }, 'k', null],
    ['{"value":"\\"","valueFormat":"json"}', { format: 'record' }, null, '"\\""'],
    ['{"value":{"x":1},"valueFormat":"avro","schemaId":3}', { format: 'record' }, null, 'avro3{"x":1}'],
  ])('%s %j', async (line, options, key, value) => {
    const record = await parse(line, options)
    expect([record?.key, record?.value]).toEqual([key, value].map((each) => (each === null ? null : text(each))))
  })

  test.each<[string, RecordFormat['format'], string]>([
    ['-2', 'int32', 'fffffffe'],
    ['9223372036854775807', 'int64', '7fffffffffffffff'],
    ['1.5', 'float64', '3ff8000000000000'],
    ['00ff', 'hex', '00ff'],
    ['AP8=', 'base64', '00ff'],
  ])('%s as %s', async (line, format, value) => {
    expect(hex((await parse(line, { format }))?.value)).toBe(value)
  })

  test('an object may say partition, time and headers', async () => {
    const headers: Header[] = [{ key: 'a', value: text('1') }]
    const line =
      '{"value":"v","partition":2,"timestamp":"2026-11-20T00:00:00Z","headers":[{"key":"b","value":"00ff","format":"hex"},{"key":"c","value":null}]}'
    expect(await parse(line, { format: 'record', headers })).toEqual({
      key: null,
      value: text('v'),
      partition: 2,
      timestampMs: Date.UTC(2026, 10, 20),
      headers: [...headers, { key: 'b', value: bytes('00ff') }, { key: 'c', value: null }],
    })
  })

  test('blank lines among JSON are none', async () => {
    expect(await parse(' ', { format: 'json' })).toBeUndefined()
    expect(await parse('', { format: 'record' })).toBeUndefined()
  })

  test.each<[string, Partial<RecordFormat>, RegExp]>([
    ['no key', { keySeparator: text('=') }, /no key: "="/],
    ['{"a":', { format: 'json' }, /its value: it is not JSON/],
    ['12x', { format: 'int32' }, /"12x" is no int32/],
    ['2147483648', { format: 'int32' }, /no int32/],
    ['9223372036854775808', { format: 'int64' }, /no int64/],
    ['abc', { format: 'hex' }, /not hexadecimal/],
    ['a=b', { format: 'base64' }, /not base64/],
    ['x=1', { keySeparator: text('='), keyFormat: 'int32' }, /its key: "x"/],
    ['[1]', { format: 'record' }, /no object/],
    ['{"vlaue":1}', { format: 'record' }, /the field "vlaue"/],
    ['{"partition":-1}', { format: 'record' }, /its partition is -1/],
    ['{"timestamp":"yesterday"}', { format: 'record' }, /its timestamp is "yesterday"/],
    ['{"headers":[{"value":"x"}]}', { format: 'record' }, /its headers/],
    ['{"value":"x","valueFormat":"yaml"}', { format: 'record' }, /"yaml" is no format/],
  ])('%s %j is refused', async (line, options, message) => {
    await expect(parse(line, options)).rejects.toMatchObject({
      code: 'RECORD_UNWRITABLE',
      message: expect.stringMatching(message),
    })
  })
})

describe('lines', () => {
  const linesIn = async (...chunks: string[]): Promise<readonly Line[]> => {
    const found: Line[] = []
    for await (const lines of linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) found.push(...lines)
    return found
  }
  test.each<[string[], string[]]>([
    [['a\nb\n'], ['a', 'b']],
    [['a\nb'], ['a', 'b']],
    [
      ['a', 'b\n', '\nc'],
      ['ab', '', 'c'],
    ],
    [
      ['a\r', '\nb\r\n'],
      ['a', 'b'],
    ],
    [[], []],
    [['\n'], ['']],
  ])('%j', async (chunks, lines) => {
    expect(await linesIn(...chunks)).toEqual(
      lines.map((_line, index) => ({ number: index + 1, bytes: expect.anything() })),
    )
    expect((await linesIn(...chunks)).map((line) => Buffer.from(line.bytes).toString())).toEqual(lines)
  })
})

describe('a record is shown', () => {
  const record = (value: Bytes | null, more: Partial<LogRecord> = {}): LogRecord => ({
    offset: 5,
    timestampMs: 0,
    key: text('k'),
    value,
    headers: NO_HEADERS,
    ...more,
  })
  const shown = (value: Bytes | null, options: Partial<PrintOptions> = {}, more: Partial<LogRecord> = {}): string =>
    createRecordPrinter({ keyFormat: 'auto', valueFormat: 'auto', json: false, avro, ...options }).print(
      record(value, more),
      { topic: 'topic', partition: 1 },
    )

  test.each<[string, Bytes | null, PrintOptions['valueFormat'], string]>([
    ['text', text('größe'), 'auto', 'größe'],
    ['lines and what a terminal would obey', text('a\nb\u009b1m\u202e'), 'text', 'a\\nb\\u009b1m\\u202e'],
    [
      'JSON on one line, with all its digits',
      text('{"a":\n12345678901234567890}'),
      'auto',
      '{"a":12345678901234567890}',
    ],
    ['what only begins like JSON', text('{a'), 'auto', '{a'],
    ['nothing', null, 'auto', 'null'],
    ['a number', bytes('8000000000000000'), 'int64', '-9223372036854775808'],
    ['a number, unasked', bytes('0000000000000002'), 'auto', '0000000000000002'],
    ['no UTF-8', bytes('c328'), 'auto', 'c328'],
    ['Avro', pointBytes, 'auto', '{"x":3}'],
    ['what is not of the format', text('abc'), 'int64', '616263'],
  ])('%s', (_what, value, valueFormat, expected) => {
    expect(shown(value, { valueFormat })).toBe(`1@5  1970-01-01T00:00:00.000Z  k  ${expected}\n`)
  })

  test('headers come last, and a time that is no date is a number', () => {
    const headers: Header[] = [
      { key: 'a', value: text('1') },
      { key: 'b', value: bytes('c328') },
      { key: 'c', value: null },
    ]
    expect(shown(text('v'), {}, { headers, timestampMs: 9e15 })).toBe(
      '1@5  9000000000000000  k  v  {a=1, b=c328, c=null}\n',
    )
  })

  const VALUES: readonly (Bytes | null)[] = [
    ...[
      text('größe'),
      text('a\tb\n'),
      text('{"a":12345678901234567890,"b":1.50}'),
      text('5'),
      null,
      bytes('c328'),
      text(''),
    ],
    ...[bytes('0000000000000002'), text('{a'), text('"x"'), text('null')],
  ]
  test.each(VALUES.map((value) => [hex(value), value] as const))('as JSON it comes back: %s', async (_hex, value) => {
    const headers: Header[] = [
      { key: 'a', value: text('1') },
      { key: 'a', value: bytes('c328') },
      { key: 'c', value: null },
    ]
    const line = shown(value, { json: true }, { headers, key: value, timestampMs: 42 })
    expect(JSON.parse(line)).toMatchObject({ topic: 'topic', partition: 1, offset: 5, timestamp: 42 })
    expect(await parse(line.trimEnd(), { format: 'record' })).toEqual({
      ...{ key: value, value, headers, partition: 1, timestampMs: 42 },
    })
  })
})

test.each([
  ['beginning', { kind: 'beginning' }],
  ['latest', { kind: 'end' }],
  ['17', { kind: 'offset', count: 17 }],
  ['last:3', { kind: 'last', count: 3 }],
  ['time:2026-11-20T08:00Z', { kind: 'time', timestampMs: Date.UTC(2026, 10, 20, 8) }],
  ['time:5', { kind: 'time', timestampMs: 5 }],
])('--from %s', (written, from) => {
  expect(fromOf(written)).toEqual(from)
})

test.each(['', 'offset:', 'offset:-1', 'last:x', 'time:', 'time:soon', 'middle'])('--from %j is refused', (written) => {
  expect(() => fromOf(written)).toThrow('It must be')
})

describe('sending lines', () => {
  type Fault = { readonly flushesUntilFailure: number }
  const sent = async (portions: readonly (readonly string[])[], fault?: Fault, onBad: 'go-on' | 'stop' = 'stop') => {
    let flushes = 0
    let number = 0
    const values: string[] = []
    const bad: string[] = []
    const result = await sendLines({
      producer: {
        bytesBuffered: 0,
        send: (_topic: string, _partition: number, _key: null, value: Bytes) =>
          void values.push(String(Buffer.from(value))),
        flush: async () => {
          if (fault !== undefined && ++flushes > fault.flushesUntilFailure)
            throw new StreamsError('LOG_UNAVAILABLE', 'gone')
        },
      } as never,
      topic: 'topic',
      partitions: 1,
      lines: (async function* () {
        for (const portion of portions) yield portion.map((line) => ({ number: ++number, bytes: text(line) }))
      })(),
      parse: createRecordParser({ ...DEFAULTS, format: 'json' }),
      nowMs: () => 0,
      firstPartition: 0,
      isStopping: () => false,
      onAcknowledged: () => {},
      onBadLine(line, reason) {
        bad.push(`${line.number} ${reason.slice(0, 20)}`)
        return onBad
      },
    })
    return { ...result, failure: (result.failure as Error | undefined)?.message, values, bad }
  }

  test('a bad line stops it, and everything before is acknowledged', async () => {
    expect(
      await sent([
        ['1', '2'],
        ['3', 'x', '5'],
      ]),
    ).toMatchObject({ acknowledged: 3, line: 3, bad: ['4 its value: it is not'] })
  })
  test('a bad line may be passed over', async () => {
    expect(await sent([['1', 'x', '3']], undefined, 'go-on')).toMatchObject({
      acknowledged: 2,
      line: 3,
      values: ['1', '3'],
    })
  })
  test('where the log is lost, it is said which lines nobody knows of', async () => {
    expect(
      await sent(
        [
          ['1', '2'],
          ['3', '4'],
        ],
        { flushesUntilFailure: 1 },
      ),
    ).toMatchObject({
      ...{ acknowledged: 2, line: 2, unknownUpTo: 4, failure: 'gone' },
    })
  })
})
