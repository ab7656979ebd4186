import { utf8Encode } from '../base/index.ts'
import type { Headers } from '../ports/index.ts'
import type { AggregationWithHeaders, FlushListener, ManagedStore, ValueTimestampHeaders } from './types.ts'

/**
 * A store with headers as if it were a plain one of texts, so that the same random operations and models test it: each
 * text is put with a timestamp and headers that follow from it, and must be read with them.
 */
export type TextWrapping = { wrap(text: string): unknown; unwrap(value: unknown): string }

function headersOf(text: string): Headers {
  return Array.from({ length: text.length % 3 }, (_, index) => ({
    key: `${text}-${index}`,
    value: index === 0 ? utf8Encode(text) : null,
  }))
}

function checked(text: string, isRight: boolean): string {
  return isRight ? text : `${text} with other headers`
}

export const timestampedWithHeaders: TextWrapping = {
  wrap: (text): ValueTimestampHeaders<string> => ({ value: text, timestampMs: text.length, headers: headersOf(text) }),
  unwrap(stored) {
    const { value, timestampMs, headers } = stored as ValueTimestampHeaders<string>
    return checked(value, timestampMs === value.length && isSame(headers, headersOf(value)))
  },
}

export const aggregationWithHeaders: TextWrapping = {
  wrap: (text): AggregationWithHeaders<string> => ({ aggregation: text, headers: headersOf(text) }),
  unwrap(stored) {
    const { aggregation, headers } = stored as AggregationWithHeaders<string>
    return checked(aggregation, isSame(headers, headersOf(aggregation)))
  },
}

function isSame(left: Headers, right: Headers): boolean {
  const text = (headers: Headers) => JSON.stringify(headers.map(({ key, value }) => [key, value && [...value]]))
  return text(left) === text(right)
}

const writers = new Set<unknown>(['put', 'putIfAbsent'])
const readers = new Set<unknown>(['get', 'putIfAbsent', 'delete', 'fetch', 'fetchSession'])

export function textFace<S extends ManagedStore>(store: ManagedStore, { wrap, unwrap }: TextWrapping): S {
  const unwrapEntry = <T extends { readonly value: unknown }>(entry: T): T => ({ ...entry, value: unwrap(entry.value) })
  const unwrapAll = (iterator: Iterator<{ readonly value: unknown }>) =>
    new Proxy(iterator, {
      get(target, name) {
        if (name === Symbol.iterator) return () => unwrapAll(target)
        const member = Reflect.get(target, name, target)
        if (name !== 'next') return typeof member === 'function' ? member.bind(target) : member
        return () => {
          const step = target.next()
          return step.done === true ? step : { done: false, value: unwrapEntry(step.value) }
        }
      },
    })
  const call = (name: string | symbol, method: (...given: unknown[]) => unknown, given: unknown[]): unknown => {
    const args = [...given]
    if (writers.has(name) && args[1] !== null) args[1] = wrap(args[1] as string)
    if (name === 'setFlushListener') args[0] = unwrapListener(args[0] as FlushListener<unknown, unknown>, unwrap)
    const result = method.apply(store, args)
    if (result === undefined || result === null) return result
    if (typeof (result as Partial<Iterator<unknown>>).next === 'function') return unwrapAll(result as never)
    return readers.has(name) ? unwrap(result) : result
  }
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name, target)
      return typeof member === 'function' ? (...given: unknown[]) => call(name, member, given) : member
    },
  }) as unknown as S
}

function unwrapListener(
  listener: FlushListener<unknown, unknown>,
  unwrap: TextWrapping['unwrap'],
): FlushListener<unknown, unknown> {
  const text = (value: unknown): string | undefined => (value === undefined ? undefined : unwrap(value))
  return (key, newValue, oldValue, timestampMs) => listener(key, text(newValue), text(oldValue), timestampMs)
}
