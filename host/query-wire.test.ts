import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeWire, encodeWire } from './query-wire.ts'

test('what goes over the wire comes back', () => {
  const value = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    key: fc.oneof(fc.string(), fc.constantFrom('$bigint', '$object', '$bytes')),
  })
  fc.assert(
    fc.property(value, (each) => {
      // -0 is 0 in JSON, absent and undefined are the same, and objects have no classes.
      const back = decodeWire(encodeWire({ each }))
      expect(encodeWire(back)).toBe(encodeWire({ each }))
    }),
    { seed: 7 },
  )
  const exact = {
    key: 12n,
    bytes: Uint8Array.of(0, 255),
    at: new Date(5),
    list: [null, 'x', 1.5],
    $map: { $bytes: 'no' },
  }
  expect(decodeWire(encodeWire(exact))).toEqual(exact)
})
