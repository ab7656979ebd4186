import type { Prng } from '#streams/base'
import type { EventDefinition } from '../event.ts'
import type { SaccoEvent } from '../sacco/events.ts'

/** Random values of a schema from a seeded generator: for round-trip and fuzz tests. */
type Node = string | readonly Node[] | NodeObject
type NodeObject = {
  readonly type: string
  readonly symbols?: readonly string[]
  readonly items?: Node
  readonly fields?: readonly { readonly name: string; readonly type: Node }[]
}

const TEXTS = [
  '',
  'a',
  'M-0001',
  'Wanjikũ wa Kamaũ',
  '€😀',
  'x'.repeat(63),
  'y'.repeat(64),
  `ñ${'z'.repeat(300)}`,
  '\ufffd',
]
const LONGS = [0, -1, 1, 63, 64, -64, -65, 2 ** 30, -(2 ** 30), 2 ** 31, 2 ** 52 + 1, -(2 ** 52 + 1)]
/** One less than the safe integers: avsc's own check leaves out the outermost ones. */
const LONG_EXTREMES = [Number.MAX_SAFE_INTEGER - 1, Number.MIN_SAFE_INTEGER + 1]

function pick<T>(prng: Prng, values: readonly T[]): T {
  return values[prng.below(values.length)] as T
}

function randomPrimitive(prng: Prng, type: string): unknown {
  switch (type) {
    case 'null':
      return null
    case 'boolean':
      return prng.below(2) === 1
    case 'int':
      return prng.below(2 ** 32) - 2 ** 31
    case 'long':
      return pick(prng, [...LONGS, ...LONG_EXTREMES, prng.below(1_000_000)])
    case 'double':
      return prng.next() * 360 - 180
    case 'string':
      return pick(prng, TEXTS)
    default:
      throw new Error(`no random value for ${type}`)
  }
}

export function randomValue(prng: Prng, schema: Node): unknown {
  if (typeof schema === 'string') return randomPrimitive(prng, schema)
  if (Array.isArray(schema)) return randomValue(prng, pick(prng, schema as readonly Node[]))
  const node = schema as NodeObject
  if (node.symbols !== undefined) return pick(prng, node.symbols)
  if (node.items !== undefined) {
    const { items } = node
    return Array.from({ length: prng.below(4) }, () => randomValue(prng, items))
  }
  if (node.fields === undefined) return randomPrimitive(prng, node.type)
  return Object.fromEntries(node.fields.map((field) => [field.name, randomValue(prng, field.type)]))
}

export function randomEvent(prng: Prng, definition: EventDefinition): SaccoEvent {
  const value = randomValue(prng, definition.schema as unknown as Node) as Record<string, unknown>
  return { ...value, event_type: definition.type } as unknown as SaccoEvent
}
