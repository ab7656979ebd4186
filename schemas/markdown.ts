import type { AvroField, AvroSchema } from './avro/avro-types.ts'
import type { EventDefinition } from './event.ts'
import { DEFAULT_DELINQUENCY_BANDS } from './sacco/delinquency-bands.ts'
import { SACCO_EVENTS } from './sacco/events.ts'
import { SACCO_TOPICS, type SaccoTopic } from './sacco/topics.ts'

/** docs/SCHEMAS.md, made from the schemas. A test compares the file with it; `UPDATE=1` writes the file anew. */
export function schemasMarkdown(): string {
  return [
    INTRODUCTION,
    envelopeSection(),
    topicsSection(),
    ...SACCO_TOPICS.map(topicSection),
    bandsSection(),
    RULES,
  ].join('\n')
}

const INTRODUCTION = `# Event schemas

*Made from the schemas by \`UPDATE=1 npx vitest run schemas\`; do not edit by hand.*

Every event is an Avro record in Confluent's wire format: a zero byte, four bytes of schema id (big-endian), the value in
Avro's binary encoding. The subject of a schema in the registry is the full name of its record (record name strategy):
several event types share a topic, and an event keeps its one id when it is copied to a repartition, changelog or
dead-letter topic.

In TypeScript the types come from the schemas: \`EventOf<'deposit.completed'>\` is one event, \`TransactionEvent\` everything
that its topic may hold, told apart by \`event_type\`. \`createEvent(type, …)\` fills in the envelope and the defaults.

- **Money** is a whole number of minor units (\`…_minor\`, a long) in the event's one \`currency\`. KES, TZS and USD have
  two digits, UGX has none. Amounts are never negative; the event type says which way the money goes.
- **Times** are ISO 8601 text with a zone, **days** are \`YYYY-MM-DD\`, **rates** are basis points, **places** degrees.
- **Ids** are chosen by the producer (1 to 128 printable ASCII characters); the same event id again changes nothing.
- **Classification**: \`public\`, \`internal\` (people who work with the system), \`pii\` (identifies or describes a person),
  \`secret\`. Every field has one.
- *Document* marks what the requirement document lists, *ours* what the ledger and the fraud rules need besides.
`

function envelopeSection(): string {
  const definition = SACCO_EVENTS[0] as EventDefinition
  const rows = definition.schema.fields.flatMap((field) => (field.name === 'data' ? [DATA_ROW] : fieldRows(field, '')))
  return `## Envelope\n\n${table(FIELD_HEAD, rows)}\n`
}

function topicsSection(): string {
  const head = ['Topic', 'Partitions', 'Cleanup', 'Retention', 'Copies', 'Sized by', 'Holds']
  const rows = SACCO_TOPICS.map((topic) => [
    `\`${topic.name}\``,
    String(topic.partitions),
    cleanupOf(topic),
    `${topic.config?.retentionMs} ms`,
    String(topic.replicationFactor),
    topic.origin,
    topic.doc,
  ])
  return `## Topics

${table(head, rows)}

Retention is seven years (7 × 365 days) as the document writes it. The document sets \`cleanup.policy=compact\` for member
events only; for the other two topics that it sizes it says nothing, so Kafka's default (delete) holds. A compacted topic
keeps the newest record of a key only, which would drop the history that the document demands for audit; so compaction
may not touch what is younger than seven years (\`min.compaction.lag.ms\`, ours).
`
}

function cleanupOf({ config }: SaccoTopic): string {
  const lag = config?.minCompactionLagMs === undefined ? '' : `, not before ${config.minCompactionLagMs} ms`
  return `${config?.cleanupPolicy}${lag}`
}

function topicSection(topic: SaccoTopic): string {
  const definitions: readonly EventDefinition[] = SACCO_EVENTS.filter((event) => event.topic === topic.name)
  return `## ${topic.name}\n\n${definitions.map(eventSection).join('\n')}`
}

function eventSection(definition: EventDefinition): string {
  const { type, fullName, version, origin, key, schema, data } = definition
  const rows = data.fields.flatMap((field) => fieldRows(field, ''))
  return `### ${type}

${schema.doc} Subject \`${fullName}\`, version ${version}, key \`${key}\`, ${origin}.

${table(FIELD_HEAD, rows)}
`
}

const DATA_ROW = ['`data`', 'a record of the event type', 'pii', 'What happened: see each event type below.']
const FIELD_HEAD = ['Field', 'Type', 'Class', 'Meaning']

function fieldRows(field: AvroField, prefix: string): readonly (readonly string[])[] {
  const inner = innerFields(field.type)
  const path = `${prefix}${field.name}${isList(field.type) ? '[]' : ''}.`
  return [fieldRow(field, prefix), ...inner.flatMap((part) => fieldRows(part, path))]
}

function fieldRow(field: AvroField, prefix: string): readonly string[] {
  return [`\`${prefix}${field.name}\``, typeText(field.type) + minimumText(field), field.classification, field.doc]
}

function minimumText({ minimum }: AvroField): string {
  return minimum === undefined ? '' : ` ≥ ${minimum}`
}

function innerFields(type: AvroSchema): readonly AvroField[] {
  if (typeof type === 'string') return []
  if (isNullable(type)) return innerFields(type[1])
  if (type.type === 'array') return innerFields(type.items)
  return type.type === 'record' ? type.fields : []
}

function isList(type: AvroSchema): boolean {
  return typeof type === 'object' && !isNullable(type) && type.type === 'array'
}

function isNullable(type: AvroSchema): type is Extract<AvroSchema, readonly unknown[]> {
  return Array.isArray(type)
}

function typeText(type: AvroSchema): string {
  if (typeof type === 'string') return type
  if (isNullable(type)) return `${typeText(type[1])}, or null`
  switch (type.type) {
    case 'string':
      return type.logicalType
    case 'enum':
      return type.symbols.map((symbol) => `\`${symbol}\``).join(' ')
    case 'array':
      return `list of ${typeText(type.items)}`
    case 'record':
      return type.name
    default:
      return type satisfies never
  }
}

function bandsSection(): string {
  const { bands, source } = DEFAULT_DELINQUENCY_BANDS
  const rows = bands.map((band) => [
    `\`${band.code}\``,
    band.days_to === null ? `from ${band.days_from}` : `${band.days_from} to ${band.days_to}`,
    `${band.provision_bps / 100} %`,
  ])
  return `## Delinquency bands: what a fresh installation starts with

**Not verified with the regulator.** ${source} The table in force is the newest record of \`sacco.delinquency.bands\`; a
table has \`verified: true\` only after the institution has checked it with its regulator.

${table(['Band', 'Days past due', 'Provision'], rows)}
`
}

const RULES = `## Changing a schema

Subjects have the level FULL_TRANSITIVE: records of seven years ago and programs of last month must both work. So:

1. A new field is \`optional(…)\` or \`list(…)\` (it has a default), and \`version\` of the event type goes up.
2. Fields are not removed, renamed or given another type. What is no longer known becomes null.
3. A symbol may be added to an open enumeration; a closed one (currency, side, severity) stays as it is.
4. Anything else is a new event type.

\`registerSchemas\` checks all schemas against the registry before it registers the first one, and refuses to start with
the reasons if one does not fit. What a type cannot say (amounts are not negative, ids not empty, the timestamp is one)
\`problemOfEvent\` checks.

## The registry

Without Kafka the platform runs its own schema registry, kept in the compacted topic \`_schemas\` of the embedded log; it
answers Confluent's REST interface, so any of their clients and tools can read and register schemas. With Kafka the same
code talks to the registry that is there. Not offered by the embedded one: schema references, JSON Schema and Protobuf,
IMPORT mode, contexts (ADR 0006).
`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
