import { createRegistryClient, type RegistryState, readRegistry } from '#connectors/schema-registry'
import {
  type AvroReader,
  type AvroType,
  createAvroReader,
  createAvroWriter,
  createSchemaCache,
  parseAvro,
  problemOfValue,
  readSchemaId,
  SACCO_EVENTS,
  type SchemaCache,
  WIRE_HEADER_BYTES,
  writeWireHeader,
} from '#schemas'
import { type Bytes, messageOf, StreamsError } from '#streams/base'
import type { Log } from '#streams/ports'

/** Values in Avro with Confluent's wire format, and the schemas of a registry. */
export type AvroEncoding = {
  /** Undefined where the schema is not known, or the bytes are not of it. */
  decode(bytes: Bytes): { readonly schemaId: number; readonly value: unknown } | undefined
  /** Schemas that these bytes name and nobody has asked for yet. */
  load(values: readonly (Bytes | null)[]): Promise<void>
  encode(value: unknown, schemaId: number): Bytes
  /** The schema that `--schema` names: an id, a subject, or the last part of a subject's name. */
  idOf(schema: string): Promise<number>
  /** The schema of a value of a topic where none is named: by its `event_type`, else the subject `<topic>-value`. */
  idFor(topic: string, value: unknown): Promise<number>
}

/** Bytes may look like the wire format by accident: only so many ids are asked for. */
const UNKNOWN_IDS_MAX = 200
const ID_MAX = 0x7fff_ffff
/** The registry's topic is not read anew more often than this. */
const REREAD_MS = 1_000

export function isWireFormat(bytes: Bytes): boolean {
  return bytes.length >= WIRE_HEADER_BYTES && bytes[0] === 0
}

export type AvroOptions = {
  readonly log: Log
  /** A registry over HTTP; default: the registry's topic on the log. */
  readonly registryUrl?: string | undefined
}

type Codec = { readonly type: AvroType; readonly reader: AvroReader; readonly write: (value: unknown) => Bytes }

type SchemaSource = {
  schemaById(id: number): Promise<string | undefined>
  /** The newest version. */
  idOfSubject(subject: string): Promise<number | undefined>
  subjects(): Promise<readonly string[]>
}

export function createAvroEncoding({ log, registryUrl }: AvroOptions): AvroEncoding {
  const source = registryUrl === undefined ? sourceOnLog(log) : sourceByHttp(registryUrl)
  const cache: SchemaCache = createSchemaCache(source)
  const codecs = new Map<number, Codec>()
  const ids = new Map<string, Promise<number>>()
  let asked = 0

  const codecOf = (id: number): Codec | undefined => {
    const known = codecs.get(id)
    const text = known === undefined ? cache.get(id) : undefined
    if (text === undefined) return known
    const made = createCodec(id, text)
    codecs.set(id, made)
    return made
  }
  const once = (name: string, find: () => Promise<number>): Promise<number> => {
    const known = ids.get(name)
    if (known !== undefined) return known
    const found = find()
    ids.set(name, found)
    return found
  }
  const loaded = async (id: number): Promise<number> => {
    await cache.load(id)
    if (cache.get(id) === undefined) throw noSchema(`there is no schema with id ${id}`)
    return id
  }
  const ofSubject = async (subject: string): Promise<number | undefined> => {
    const id = await source.idOfSubject(subject)
    return id === undefined ? undefined : loaded(id)
  }
  return {
    decode(bytes) {
      const schemaId = readSchemaId(bytes)
      try {
        const codec = codecOf(schemaId)
        return codec === undefined ? undefined : { schemaId, value: codec.reader.read(bytes, WIRE_HEADER_BYTES) }
      } catch {
        return undefined
      }
    },
    async load(values) {
      for (const value of values) {
        if (value === null || !isWireFormat(value)) continue
        const id = readSchemaId(value)
        if (id < 1 || id > ID_MAX || !cache.isWorthLoading(id) || asked >= UNKNOWN_IDS_MAX) continue
        asked++
        await cache.load(id)
        if (cache.get(id) !== undefined) asked--
      }
    },
    encode(value, schemaId) {
      const codec = codecOf(schemaId)
      if (codec === undefined) throw noSchema(`there is no schema with id ${schemaId}`)
      return codec.write(value)
    },
    idOf: (schema) =>
      once(schema, async () => {
        if (/^\d{1,10}$/.test(schema)) return loaded(Number(schema))
        const exact = await ofSubject(schema)
        if (exact !== undefined) return exact
        const subjects = await source.subjects()
        const alike = subjects.filter((each) => each.endsWith(`.${schema}`))
        const id = alike.length === 1 ? await ofSubject(alike[0] as string) : undefined
        if (id !== undefined) return id
        throw noSchema(
          alike.length > 1
            ? `${schema} may be ${alike.join(' or ')}`
            : `no schema is registered as ${schema}; there are: ${someOf(subjects)}`,
        )
      }),
    idFor: async (topic, value) => {
      const type = (value as { readonly event_type?: unknown } | null)?.event_type
      const event = SACCO_EVENTS.find((each) => each.topic === topic && each.type === type)
      const subject = event?.fullName ?? `${topic}-value`
      return once(`of ${subject}`, async () => {
        const id = await ofSubject(subject)
        if (id !== undefined) return id
        throw noSchema(`no schema is registered as ${subject}: name one with --schema (an id or a subject)`)
      })
    },
  }
}

function createCodec(id: number, text: string): Codec {
  const type = parseAvro(JSON.parse(text))
  const writer = createAvroWriter(type)
  const header = (target: Bytes): number => writeWireHeader(target, id)
  return {
    type,
    reader: createAvroReader(type, type),
    write(value) {
      // Fields that are left out have their defaults, as with Avro's own JSON.
      const whole = withDefaults(type, value)
      const problem = problemOfValue(type, whole)
      if (problem !== undefined) throw new StreamsError('RECORD_UNWRITABLE', `it does not fit schema ${id}: ${problem}`)
      return writer.write(whole, header)
    },
  }
}

type DefaultingType = { clone(value: unknown, options: { readonly fillDefaults: boolean }): unknown }

/** The value as it is where it does not fit: the check after this says why, in our words. */
function withDefaults(type: AvroType, value: unknown): unknown {
  try {
    return (type as unknown as DefaultingType).clone(value, { fillDefaults: true })
  } catch {
    return value
  }
}

function sourceOnLog(log: Log): SchemaSource {
  let state: RegistryState | undefined
  let readMs = Number.NEGATIVE_INFINITY
  const read = async (): Promise<RegistryState | undefined> => {
    if (performance.now() - readMs > REREAD_MS) {
      state = await readRegistry(log)
      readMs = performance.now()
    }
    return state
  }
  return {
    schemaById: async (id) => state?.schemaById(id) ?? (await read())?.schemaById(id),
    idOfSubject: async (subject) => (await read())?.versions(subject, false).at(-1)?.id,
    subjects: async () => (await read())?.subjects(false) ?? [],
  }
}

const REQUEST_MS_MAX = 10_000

function sourceByHttp(url: string): SchemaSource {
  const client = createRegistryClient({ url })
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(new URL(path, url.endsWith('/') ? url : `${url}/`), {
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    }).catch((cause: unknown) => {
      throw new StreamsError('CONFIG_INVALID', `the registry ${url} does not answer: ${messageOf(cause)}`, { cause })
    })
    if (response.status === 404) return undefined
    if (!response.ok) throw new StreamsError('CONFIG_INVALID', `the registry ${url} answers ${response.status}`)
    return response.json()
  }
  return {
    schemaById: (id) => client.schemaById(id),
    async idOfSubject(subject) {
      const found = (await get(`subjects/${encodeURIComponent(subject)}/versions/latest`)) as { readonly id?: unknown }
      return typeof found?.id === 'number' ? found.id : undefined
    },
    async subjects() {
      const found = await get('subjects')
      return Array.isArray(found) ? found.filter((each) => typeof each === 'string') : []
    },
  }
}

const NAMES_SHOWN = 8
export function someOf(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const more = names.length - NAMES_SHOWN
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

const noSchema = (message: string): StreamsError => new StreamsError('CONFIG_INVALID', message)
