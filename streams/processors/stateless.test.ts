import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../base/index.ts'
import { serdes } from '../serdes/index.ts'
import { keyValueStore } from '../stores/index.ts'
import type { FixedKeyProcessor, ProcessorSupplier } from '../topology/processor.ts'
import { branch } from './branch.ts'
import { flatMap, flatMapValues } from './flat-map.ts'
import { map, mapValues } from './map.ts'
import { passThrough } from './pass-through.ts'
import { forEach, peek, print } from './peek.ts'
import { processValues } from './process-values.ts'
import { createHarness } from './testing/harness.ts'
import { openStore } from './testing/open-store.ts'

const headers = [{ key: 'h', value: utf8Encode('1') }]

function harnessOf<K, V>(supplier: ProcessorSupplier<K, V, unknown, unknown>) {
  return createHarness({ nodes: [{ name: 'node', parents: ['in'], supplier }], openStore })
}

describe('stateless operators', () => {
  it('keep timestamp and headers', () => {
    const harness = harnessOf(map((key: string, value: number) => ({ key: value, value: key })))
    const expected = { node: 'node', key: 1, value: 'k', timestampMs: 7, headers }
    expect(harness.pipe('in', { key: 'k', value: 1, timestampMs: 7, headers })).toEqual([expected])
  })

  it.each([
    ['map', map(() => undefined as never)],
    ['flatMap', flatMap(() => undefined as never)],
    ['flatMapValues', flatMapValues(() => null as never)],
  ])('say which function returned nothing: %s', (name, supplier) => {
    const harness = harnessOf(supplier)
    // A TypeError, not an assertion: it is the user's function, so the processing exception handler decides.
    const mistake = new RegExp(`^the function given to ${name} returned`)
    expect(() => harness.pipe('in', { key: 'k', value: 1, timestampMs: 7 })).toThrow(mistake)
    expect(() => harness.pipe('in', { key: 'k', value: 1, timestampMs: 7 })).toThrow(TypeError)
  })

  it('a branch without default drops what no predicate takes', () => {
    const supplier = branch({ predicates: [(_key, value: number) => value > 1], childNames: ['big'] })
    const big = { name: 'big', parents: ['node'], supplier: passThrough() }
    const harness = createHarness({ nodes: [{ name: 'node', parents: ['in'], supplier }, big], openStore })
    expect(harness.pipe('in', { key: 'k', value: 1, timestampMs: 7 })).toEqual([])
    expect(harness.pipe('in', { key: 'k', value: 2, timestampMs: 7 })).toHaveLength(1)
  })

  it('a branch needs a child for each predicate', () => {
    expect(() => branch({ predicates: [() => true], childNames: [] })).toThrow('a child for each predicate')
  })

  it('peek passes on the same record; forEach passes on nothing', () => {
    const seen: unknown[] = []
    const see = (key: unknown, value: unknown) => void seen.push([key, value])
    expect(harnessOf(peek(see)).pipe('in', { key: 'k', value: 1, timestampMs: 7 })).toHaveLength(1)
    expect(harnessOf(forEach(see)).pipe('in', { key: 'k', value: null, timestampMs: 7 })).toEqual([])
    expect(seen).toEqual([
      ['k', 1],
      ['k', null],
    ])
  })

  it('print writes a line as Java does', () => {
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    harnessOf(print({ label: 'events', write })).pipe('in', { key: 'k', value: null, timestampMs: 7 })
    const format = (key: unknown, value: unknown) => `${key}=${value}`
    harnessOf(print({ label: 'events', write, format })).pipe('in', { key: 'k', value: 1, timestampMs: 7 })
    harnessOf(print({ label: 'events', write })).pipe('in', { key: ['k'], value: { a: 1, b: 2n }, timestampMs: 7 })
    expect(lines).toEqual(['[events]: k, null', '[events]: k=1', '[events]: ["k"], {"a":1,"b":"2"}'])
  })

  it('mapValues gives the key to read', () => {
    const harness = harnessOf(mapValues((value: number, key: string) => `${key}${value}`))
    expect(harness.pipe('in', { key: 'k', value: 1, timestampMs: 7 })[0]?.value).toBe('k1')
  })

  it('processValues brings the stores of its supplier along', () => {
    const spec = keyValueStore({ name: 's', key: serdes.string, value: serdes.int64 })
    const get = (): FixedKeyProcessor<string, number, number> => {
      let total = (_key: string, value: number): number => value
      let forward: (key: string, value: number) => void = () => {}
      return {
        init(context) {
          const store = context.store(spec)
          total = (key, value) => {
            const sum = (store.get(key) ?? 0) + value
            store.put(key, sum)
            return sum
          }
          forward = (key, value) => context.forward({ key, value, timestampMs: 0, headers: [] })
        },
        process: ({ key, value }) => forward(key, total(key, value)),
      }
    }
    const harness = harnessOf(processValues({ get, stores: [spec] }))
    harness.pipe('in', { key: 'k', value: 1, timestampMs: 7 })
    expect(harness.pipe('in', { key: 'k', value: 2, timestampMs: 7 })[0]?.value).toBe(3)
  })
})
