import type { Classification } from '../classification.ts'
import type { IdKind, IdTypes } from '../ids.ts'

/**
 * The part of Avro that our schemas use, as plain data, and the mapping from a schema to the TypeScript type of its
 * values. The schema is the only place where a shape is written; types are derived.
 *
 * Deliberately not used: `map` (its keys come from outside and become property names), `fixed`, `bytes`, and unions
 * other than "null or X" (the first branch is null, so that the default of a new field can be null).
 */
export type AvroPrimitive = 'null' | 'boolean' | 'int' | 'long' | 'double' | 'string'
/** A string whose logical type names an id; readers that do not know it see a string (as Avro demands of them). */
export type AvroId = { readonly type: 'string'; readonly logicalType: IdKind }
export type AvroEnum = {
  readonly type: 'enum'
  readonly name: string
  readonly doc: string
  readonly symbols: readonly string[]
  /** What a reader puts in the place of a symbol that it does not know; needed to add symbols later. */
  readonly default?: string
}
export type AvroArray = { readonly type: 'array'; readonly items: AvroSchema }
export type AvroNullable = readonly ['null', AvroNonNull]
export type AvroField = {
  readonly name: string
  readonly type: AvroSchema
  readonly doc: string
  readonly classification: Classification
  readonly default?: null | boolean | number | string | readonly never[]
  /** Smaller numbers make no sense; checked by `problemOfEvent`, not by Avro. */
  readonly minimum?: number
}
export type AvroRecord = {
  readonly type: 'record'
  readonly name: string
  readonly namespace?: string
  readonly doc: string
  readonly fields: readonly AvroField[]
}
export type AvroNonNull = Exclude<AvroPrimitive, 'null'> | AvroId | AvroEnum | AvroArray | AvroRecord
export type AvroSchema = AvroNonNull | 'null' | AvroNullable

/** The TypeScript type of the values of an Avro schema. */
export type TypeOf<S> = S extends 'null'
  ? null
  : S extends 'boolean'
    ? boolean
    : S extends 'int' | 'long' | 'double'
      ? number
      : S extends 'string'
        ? string
        : S extends { readonly logicalType: infer Kind extends IdKind }
          ? IdTypes[Kind]
          : S extends { readonly type: 'enum'; readonly symbols: readonly (infer Symbols)[] }
            ? Symbols
            : S extends { readonly type: 'array'; readonly items: infer Items }
              ? readonly TypeOf<Items>[]
              : S extends { readonly type: 'record'; readonly fields: infer Fields extends readonly AvroField[] }
                ? RecordOf<Fields>
                : S extends readonly (infer Branches)[]
                  ? TypeOf<Branches>
                  : never

type RecordOf<Fields extends readonly AvroField[]> = {
  readonly [F in Fields[number] as F['name']]: TypeOf<F['type']>
}

/** What a producer must give: as `TypeOf`, but fields that have a default may be left out. */
export type InputOf<S> = S extends {
  readonly type: 'record'
  readonly fields: infer Fields extends readonly AvroField[]
}
  ? RecordInputOf<Fields>
  : S extends { readonly type: 'array'; readonly items: infer Items }
    ? readonly InputOf<Items>[]
    : S extends readonly (infer Branches)[]
      ? InputOf<Branches>
      : TypeOf<S>

type Defaulted = { readonly default: unknown }
type RecordInputOf<Fields extends readonly AvroField[]> = {
  readonly [F in Exclude<Fields[number], Defaulted> as F['name']]: InputOf<F['type']>
} & {
  readonly [F in Extract<Fields[number], Defaulted> as F['name']]?: InputOf<F['type']>
}

type FieldText = { readonly classification: Classification; readonly doc: string }

/** A field that every producer must fill. */
export function field<const Name extends string, const Type extends AvroSchema>(
  name: Name,
  type: Type,
  classification: Classification,
  doc: string,
): { readonly name: Name; readonly type: Type } & FieldText {
  return { name, type, doc, classification }
}

/** A number that must not be below `minimum`: an amount of money, a count. */
export function atLeast<const Field extends AvroField>(
  minimum: number,
  numberField: Field,
): Field & { readonly minimum: number } {
  return { ...numberField, minimum }
}

/** A field that may be unknown: null or `type`, null by default. Fields added to a published schema are of this kind. */
export function optional<const Name extends string, const Type extends AvroNonNull>(
  name: Name,
  type: Type,
  classification: Classification,
  doc: string,
): { readonly name: Name; readonly type: readonly ['null', Type]; readonly default: null } & FieldText {
  return { name, type: ['null', type], doc, default: null, classification }
}

/** A list that is empty by default. */
export function list<const Name extends string, const Items extends AvroNonNull>(
  name: Name,
  items: Items,
  classification: Classification,
  doc: string,
): {
  readonly name: Name
  readonly type: { readonly type: 'array'; readonly items: Items }
  readonly default: readonly []
} & FieldText {
  return { name, type: { type: 'array', items }, doc, default: [], classification }
}

export function record<const Name extends string, const Fields extends readonly AvroField[]>(
  name: Name,
  doc: string,
  fields: Fields,
): { readonly type: 'record'; readonly name: Name; readonly doc: string; readonly fields: Fields } {
  return { type: 'record', name, doc, fields }
}

/** A closed set: a symbol that the reader does not know makes the record unreadable, as it must for a currency. */
export function enumeration<const Name extends string, const Symbols extends readonly [string, ...string[]]>(
  name: Name,
  doc: string,
  symbols: Symbols,
): { readonly type: 'enum'; readonly name: Name; readonly doc: string; readonly symbols: Symbols } {
  return { type: 'enum', name, doc, symbols }
}

/** A set that will grow: an older reader takes a symbol that it does not know as `unknown`, which is one of them. */
export function openEnumeration<const Name extends string, const Symbols extends readonly [string, ...string[]]>(
  name: Name,
  doc: string,
  symbols: Symbols,
  unknown: Symbols[number],
): {
  readonly type: 'enum'
  readonly name: Name
  readonly doc: string
  readonly symbols: Symbols
  readonly default: string
} {
  return { type: 'enum', name, doc, symbols, default: unknown }
}

export function id<const Kind extends IdKind>(kind: Kind): { readonly type: 'string'; readonly logicalType: Kind } {
  return { type: 'string', logicalType: kind }
}
