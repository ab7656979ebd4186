import { seesIdentity } from '../access/roles.ts'
import type { ApiApplication } from '../application.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { freshnessOf, logFreshness } from '../http/freshness.ts'
import {
  anything,
  array,
  boolean,
  dateTime,
  integer,
  nullable,
  object,
  oneOf,
  personal,
  ref,
  string,
} from '../http/json-schema.ts'
import { optionalChoice, optionalText, pageCursor, pageLimit } from '../http/parameters.ts'
import { json, type Route, route } from '../http/route.ts'
import type { RefusalCounts } from '../live/refusal-counts.ts'
import { isPositions, type PlacedRecord, readBackwards } from '../queries/backward-reader.ts'
import { type DeadLetter, deadLetterOf, maskDeadLetter } from '../queries/dead-letters.ts'
import type { StoreReader } from '../queries/store-reader.ts'

export const DEAD_LETTER_SCHEMAS = {
  DeadLetter: object({
    id: string('Where it lies: `topic-partition@offset`.'),
    kind: oneOf(['dead-letter', 'late']),
    time: dateTime('Time of the record.'),
    reason: string('Why, in one word.'),
    message: string('Why, in a sentence.'),
    source: object(
      { topic: nullable(string()), partition: nullable(integer()), offset: nullable(integer()) },
      'Where it was read, as far as it is known.',
    ),
    key: personal(nullable(string())),
    value: anything('The event, where its bytes can be read; else null.'),
    valueBytes: integer(),
    valueHex: nullable(
      string(),
      'The first bytes in hexadecimal, where they cannot; who sees no personal data gets those of the wire header only.',
    ),
  }),
  RefusalCount: object({
    kind: oneOf(['dead-letter', 'late']),
    topic: nullable(string(), 'Topic that the records were read from, as far as it is known.'),
    reason: string('Why, in one word.'),
    count: integer(),
    newest: dateTime('Time of the newest record.'),
  }),
  InputCount: object({
    topic: string(),
    outcome: oneOf(['processed', 'duplicate', 'late', 'dead-lettered']),
    reason: nullable(string()),
    count: integer(),
  }),
}

const ACCOUNTING_STORE = 'input-accounting'
const ACCOUNTING_ENTRIES_MAX = 1_000
/** With a filter, this many records are looked at for one page. */
const SCANNED_MAX = 2_000

export type DeadLetterTopics = { readonly deadLetter: readonly string[]; readonly late: readonly string[] }

export function deadLetterRoutes(
  application: ApiApplication,
  reader: StoreReader,
  topics: DeadLetterTopics,
  refusals: RefusalCounts,
): readonly Route[] {
  return [listDeadLetters(application, topics), countDeadLetters(refusals), countInputs(reader)]
}

function listDeadLetters(application: ApiApplication, topics: DeadLetterTopics): Route {
  return route({
    path: '/v1/dead-letters',
    operation: 'listDeadLetters',
    right: 'dead-letters',
    tag: 'System',
    summary: 'Events that were not processed, the newest first: why, where from, what they are',
    description:
      'Read from the dead-letter topics. With `reason`, a page may hold fewer items than `limit` although there is a next one.',
    pathParameters: {},
    queryParameters: {
      kind: optionalChoice('Refused, or only too late.', ['dead-letter', 'late']),
      reason: optionalText('Only those with this reason.'),
      limit: pageLimit,
      cursor: pageCursor,
    },
    answer: {
      description: 'A page of dead letters.',
      content: {
        'application/json': object({
          items: array(ref('DeadLetter')),
          next: nullable(string()),
          freshness: ref('Freshness'),
        }),
      },
    },
    handle: async ({ query: { kind, reason, limit, cursor }, caller }) => {
      const before = decodeCursor(cursor, isPositions)
      const wanted = [...(kind === 'late' ? [] : topics.deadLetter), ...(kind === 'dead-letter' ? [] : topics.late)]
      const size = reason === undefined ? limit : SCANNED_MAX
      const page = await readBackwards(application.log, wanted, size, before)
      const items: DeadLetter[] = []
      let looked = 0
      for (; looked < page.records.length && items.length < limit; looked++) {
        const record = page.records[looked] as PlacedRecord
        const isLate = topics.late.includes(record.topic)
        const letter = deadLetterOf(record, application, isLate ? 'late' : 'dead-letter')
        if (reason !== undefined && letter.reason !== reason) continue
        items.push(seesIdentity(caller) ? letter : maskDeadLetter(letter))
      }
      const next = page.below(looked)
      const newestMs = page.records[0]?.record.timestampMs
      return json({ items, next: next === undefined ? null : encodeCursor(next) }, logFreshness(page.ends, newestMs))
    },
  })
}

function countDeadLetters(refusals: RefusalCounts): Route {
  return route({
    path: '/v1/dead-letter-counts',
    operation: 'countDeadLetters',
    right: 'platform',
    tag: 'System',
    summary: 'How many records were refused or came too late, by reason and topic, the most frequent first',
    description: 'All that the dead-letter and late topics hold; `complete` is false while they are still being read.',
    pathParameters: {},
    queryParameters: {},
    answer: {
      description: 'Counts.',
      content: { 'application/json': object({ items: array(ref('RefusalCount')), complete: boolean() }) },
    },
    handle: () => json({ items: refusals.read(), complete: refusals.isComplete }),
  })
}

function countInputs(reader: StoreReader): Route {
  return route({
    path: '/v1/input-accounting',
    operation: 'countInputs',
    right: 'platform',
    tag: 'System',
    summary: 'What became of every input, by topic: processed, duplicate, late, dead-lettered',
    pathParameters: {},
    queryParameters: {},
    answer: {
      description: 'Counts.',
      content: {
        'application/json': object({
          items: array(ref('InputCount')),
          next: nullable(string()),
          freshness: ref('Freshness'),
        }),
      },
    },
    handle: async () => {
      if (!reader.has(ACCOUNTING_STORE)) return json({ items: [], next: null }, freshnessOf([]))
      const read = await reader.ask({ store: ACCOUNTING_STORE, kind: 'range', limit: ACCOUNTING_ENTRIES_MAX })
      const counts = new Map<string, number>()
      for (const { key, value } of read.value) {
        counts.set(String(key), (counts.get(String(key)) ?? 0) + Number(value))
      }
      const items = [...counts].sort().map(([key, count]) => {
        const [topic = '', outcome = '', reason = ''] = key.split('|')
        return { topic, outcome, reason: reason === '' ? null : reason, count }
      })
      return json({ items, next: null }, freshnessOf(read.freshness))
    },
  })
}
