import type { StoreSpec } from '#streams'
import type { QueryEntry } from '#streams/query'
import { maskStored } from '../access/mask.ts'
import { type Asking, seesIdentity } from '../access/roles.ts'
import { type ApiApplication, type StoreEntry, storeNamed, storesOf } from '../application.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { FRESHNESS_SCHEMA, freshnessOf, isoOf } from '../http/freshness.ts'
import { anything, array, boolean, integer, nullable, object, partial, ref, string } from '../http/json-schema.ts'
import { moment, optionalChoice, optionalText, pageCursor, pageLimit, pathText } from '../http/parameters.ts'
import { plainJson } from '../http/plain-json.ts'
import { ApiProblem, badParameters } from '../http/problem.ts'
import { json, type Route, route } from '../http/route.ts'
import type { StoreReader } from '../queries/store-reader.ts'
import { STORES } from '../queries/stored.ts'

export const STORE_SCHEMAS = {
  Freshness: FRESHNESS_SCHEMA,
  Store: object({
    name: string(),
    kind: string('key-value, window, session, versioned or custom.'),
    scope: string('task: its entries are spread over tasks. global: every thread has all of them.'),
    persistence: string('persistent or memory.'),
    logged: boolean('True if a changelog keeps it.'),
    timestamped: boolean('True if values carry the time of their update.'),
    keyType: nullable(string(), 'Serde of the keys.'),
    valueType: nullable(string(), 'Serde of the values.'),
    windowSizeMs: nullable(integer()),
    retentionMs: nullable(integer()),
    approximateEntries: nullable(integer(), 'Where the kind of store can estimate it.'),
  }),
  StoreEntry: partial(
    {
      key: anything('The key.'),
      value: anything('The value as it is stored.'),
      start: string('Of a window or session.'),
      end: string('Of a window or session, exclusive for windows.'),
    },
    ['start', 'end'],
  ),
}

const storeParameter = pathText('Name of a store; `/v1/stores` lists them.')

export function storeRoutes(application: ApiApplication, reader: StoreReader): readonly Route[] {
  return [listStores(application, reader), readKey(application, reader), readRange(application, reader)]
}

function listStores({ topology }: ApiApplication, reader: StoreReader): Route {
  return route({
    path: '/v1/stores',
    operation: 'listStores',
    right: 'stores',
    tag: 'Stores',
    summary: 'The state stores of the application',
    pathParameters: {},
    queryParameters: {},
    answer: {
      description: 'All stores.',
      content: {
        'application/json': object({
          items: array(ref('Store')),
          next: nullable(string()),
          freshness: ref('Freshness'),
        }),
      },
    },
    handle: async () => {
      const counted = await Promise.all(storesOf(topology).map((store) => describeStore(store, reader)))
      const freshness = freshnessOf(counted.flatMap((each) => each.freshness))
      return json({ items: counted.map(({ description }) => description), next: null }, freshness)
    },
  })
}

async function describeStore({ name, spec, scope }: StoreEntry, reader: StoreReader) {
  const counts = spec.kind === 'key-value' ? await reader.ask({ store: name, kind: 'count' }) : undefined
  const description = {
    name,
    kind: spec.kind,
    scope,
    persistence: spec.persistence,
    logged: spec.logging !== undefined,
    timestamped: 'timestamped' in spec && spec.timestamped,
    keyType: spec.kind === 'custom' ? null : (spec.keySerde.name ?? null),
    valueType: spec.kind === 'custom' ? null : (spec.valueSerde.name ?? null),
    windowSizeMs: spec.kind === 'window' ? spec.windowSizeMs : null,
    retentionMs: 'retentionMs' in spec ? (spec.retentionMs ?? null) : null,
    approximateEntries: counts === undefined ? null : counts.value.reduce((sum, { value }) => sum + Number(value), 0),
  }
  return { description, freshness: counts?.freshness ?? [] }
}

function readKey({ topology }: ApiApplication, reader: StoreReader): Route {
  return route({
    path: '/v1/stores/{store}/keys/{key}',
    operation: 'readKey',
    right: 'stores',
    tag: 'Stores',
    summary: 'The value or values of a key',
    description:
      'Key-value and versioned stores have one value (of `asOf`, for versioned ones); window and session stores give ' +
      'the windows of the key between `from` and `to`. Keys that are not text are written as JSON.',
    pathParameters: { store: storeParameter, key: pathText('The key.', 1_000) },
    queryParameters: {
      asOf: moment('For versioned stores: the value at this moment.'),
      from: moment('For window stores: windows that start at or after this moment.'),
      to: moment('For window stores: windows that start at or before this moment.'),
      limit: pageLimit,
    },
    answer: {
      description: 'The entries of the key.',
      content: {
        'application/json': object({
          store: string(),
          items: array(ref('StoreEntry')),
          next: nullable(string()),
          freshness: ref('Freshness'),
        }),
      },
    },
    findsById: true,
    handle: async ({ path, query, caller }) => {
      const { spec } = storeNamed(topology, path.store)
      const show = entryFor(spec, caller)
      const key = keyOf(spec, path.key, 'key')
      const { value, freshness } = await reader.ask(keyQuery(spec, key, query))
      if (value.length === 0) {
        throw new ApiProblem('not-found', `Store ${path.store} has no key ${JSON.stringify(path.key)}.`)
      }
      return json({ store: path.store, items: value.map(show), next: null }, freshnessOf(freshness))
    },
  })
}

type Times = {
  readonly asOf: number | undefined
  readonly from: number | undefined
  readonly to: number | undefined
  readonly limit: number
}

function keyQuery(spec: StoreSpec, key: unknown, { asOf, from, to, limit }: Times) {
  const store = spec.name
  switch (spec.kind) {
    case 'key-value':
      return { store, kind: 'key', key } as const
    case 'versioned':
      return asOf === undefined
        ? ({ store, kind: 'key', key } as const)
        : ({ store, kind: 'as-of', key, asOfMs: asOf } as const)
    case 'window':
      return { store, kind: 'window', key, fromMs: from ?? 0, toMs: to ?? LAST_MOMENT_MS, limit } as const
    case 'session':
      return { store, kind: 'session', key, limit } as const
    case 'custom':
      throw new ApiProblem('not-offered', `Store ${store} keeps a format of its own: it cannot be asked by key.`)
    default:
      return spec satisfies never
  }
}

/** The year 9999: later than any window, earlier than where a date ends. */
export const LAST_MOMENT_MS = 253_402_300_799_999

function readRange({ topology }: ApiApplication, reader: StoreReader): Route {
  return route({
    path: '/v1/stores/{store}/range',
    operation: 'readRange',
    right: 'stores',
    tag: 'Stores',
    summary: 'Entries in the order of their keys',
    description:
      'For key-value stores: keys from `from` to `to` (both inclusive), or those that begin with `prefix`, by pages. ' +
      'For window stores: all windows that start between `start` and `end`, without paging.',
    pathParameters: { store: storeParameter },
    queryParameters: {
      from: optionalText('First key.', 1_000),
      to: optionalText('Last key.', 1_000),
      prefix: optionalText('Beginning of the keys; for text keys.', 1_000),
      order: optionalChoice('Order of the keys.', ['ascending', 'descending']),
      start: moment('For window stores: first start of a window.'),
      end: moment('For window stores: last start of a window.'),
      limit: pageLimit,
      cursor: pageCursor,
    },
    answer: {
      description: 'A page of entries.',
      content: {
        'application/json': object({
          store: string(),
          items: array(ref('StoreEntry')),
          next: nullable(string()),
          freshness: ref('Freshness'),
        }),
      },
    },
    findsById: true,
    handle: async ({ path, query, caller }) => {
      const { spec } = storeNamed(topology, path.store)
      const show = entryFor(spec, caller)
      if (spec.kind === 'window') return windows(spec.name, query, reader, show)
      if (spec.kind !== 'key-value') {
        throw new ApiProblem('not-offered', `Store ${spec.name} is of kind ${spec.kind}: ask it by key.`)
      }
      return keyPage(spec, query, reader, show)
    },
  })
}

type RangeQuery = {
  readonly from: string | undefined
  readonly to: string | undefined
  readonly prefix: string | undefined
  readonly order: 'ascending' | 'descending' | undefined
  readonly start: number | undefined
  readonly end: number | undefined
  readonly limit: number
  readonly cursor: string | undefined
}

async function windows(store: string, { start, end, order, limit }: RangeQuery, reader: StoreReader, show: Show) {
  const fromMs = start ?? 0
  const toMs = end ?? LAST_MOMENT_MS
  const reverse = order === 'descending'
  const { value, freshness } = await reader.ask({ store, kind: 'window-all', fromMs, toMs, reverse, limit })
  return json({ store, items: value.slice(0, limit).map(show), next: null }, freshnessOf(freshness))
}

async function keyPage(spec: StoreSpec & { kind: 'key-value' }, query: RangeQuery, reader: StoreReader, show: Show) {
  const { from, to, prefix, order, limit, cursor } = query
  const reverse = order === 'descending'
  if (prefix !== undefined && (from !== undefined || to !== undefined || reverse)) {
    throw badParameters([{ field: 'prefix', reason: 'goes without from, to and descending order' }])
  }
  const after = decodeCursor(cursor, isCursor)?.key
  const bound = (text: string | undefined, field: string) => (text === undefined ? undefined : keyOf(spec, text, field))
  const { value, freshness } = await reader.page({
    store: spec.name,
    from: bound(from, 'from'),
    to: bound(to, 'to'),
    prefix: bound(prefix, 'prefix'),
    reverse,
    after: after === undefined ? undefined : keyOf(spec, after, 'cursor'),
    limit,
  })
  const last = value.length === limit ? value.at(-1) : undefined
  const next = last === undefined ? null : encodeCursor({ key: textOfKey(last.key) })
  return json({ store: spec.name, items: value.map(show), next }, freshnessOf(freshness))
}

const isCursor = (value: unknown): value is { readonly key: string } =>
  typeof value === 'object' && value !== null && typeof (value as { key?: unknown }).key === 'string'

const textOfKey = (key: unknown): string => (typeof key === 'string' ? key : JSON.stringify(key))

/** Text keys as they are, all others as JSON; a key that the serde does not take is the caller's mistake. */
function keyOf(spec: StoreSpec, text: string, field: string): unknown {
  if (spec.kind === 'custom') return text
  if (spec.keySerde.name === 'string') return text
  try {
    const key: unknown = JSON.parse(text)
    spec.keySerde.serialize(key as never, spec.name)
    return key
  } catch {
    throw badParameters([{ field, reason: `is no key of type ${spec.keySerde.name ?? 'unknown'} in JSON` }])
  }
}

type Show = (entry: QueryEntry) => object

/** Keys of these name devices, phone numbers and people of staff: `phone:2547…`. */
const PERSONAL_KEYS: ReadonlySet<string> = new Set([STORES.fraudEntities.name])

function entryFor(spec: StoreSpec, caller: Asking): Show {
  if (seesIdentity(caller)) return entryJson
  if (PERSONAL_KEYS.has(spec.name)) {
    throw new ApiProblem('forbidden', `The keys of store ${spec.name} are personal data.`)
  }
  const serdeName = spec.kind === 'custom' ? undefined : spec.valueSerde.name
  return (entry) => {
    const shown = entryJson(entry)
    return { ...shown, value: maskStored(serdeName, shown.value) }
  }
}

function entryJson({ key, value, startMs, endMs }: QueryEntry) {
  return {
    key: plainJson(key),
    value: plainJson(value),
    ...(startMs === undefined ? {} : { start: isoOf(startMs) }),
    ...(endMs === undefined ? {} : { end: isoOf(endMs) }),
  }
}
