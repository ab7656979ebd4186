import { readdir, readFile } from 'node:fs/promises'
import { type Serde, serdes, type Topology } from '#streams'
import type { Prng } from '#streams/base'
import { eventOf, INPUT } from '../crash/application.ts'
import { takeoverCases, takeoverTopology } from '../takeover/topologies.ts'
import { type SimulatedApplication, type SimulatedRecord, textRecord, textRecords } from './workload.ts'

/** Whatever else is a topology in this repository: examples, and the applications of other tests. */
export async function repositoryApplications(): Promise<readonly SimulatedApplication[]> {
  const [approvals, activity, words, totals, crash, failures, counting] = await Promise.all([
    import('../../examples/approvals.ts'),
    import('../../examples/member-activity.ts'),
    import('../../examples/word-count.ts'),
    import('../../examples/totals.ts'),
    import('../crash/application.ts'),
    import('../failures/application.ts'),
    import('../../host/testing/counting-application.ts'),
  ])
  const takeovers = takeoverCases.map((name) =>
    plain(
      `takeover_${name}`,
      () => takeoverTopology(name),
      (prng) => textsWithKeys(prng, ['in1', 'in2']),
    ),
  )
  return [
    ...(await operatorExamples()),
    ...takeovers,
    { ...plain('example_approvals', approvals.topology, loanRecords), usesWallClock: true },
    plain('example_member_activity', activity.topology, activityRecords),
    plain('example_word_count', words.topology, (prng) => lines(prng)),
    plain(
      'example_totals',
      () => totals.topology(totals.totalsInStore),
      (prng) => numbers(prng, 'payments'),
    ),
    plain('crash_tests', crash.topology, crashRecords),
    plain('failure_tests', failures.topology, (prng) => numbers(prng, 'numbers')),
    plain('counting', counting.topology, (prng) => textsWithKeys(prng, ['in'])),
  ]
}

function plain(
  name: string,
  build: () => Topology,
  records: (prng: Prng) => readonly SimulatedRecord[],
): SimulatedApplication {
  return { name, usesWallClock: false, build, records }
}

// The examples of docs/OPERATORS.md --------------------------------------------------------------------------------

const OPERATORS = new URL('../../examples/operators/', import.meta.url)
/** Topics that only a record names. */
const TOPICS_BY_NAME: Readonly<Record<string, readonly string[]>> = { to: ['payments-kes', 'payments-ugx'] }
const ROUNDS_MAX = 8
const PAUSE_MAX_MS = 120_000

type Serdes = { readonly key: Serde<unknown>; readonly value: Serde<unknown> }
type ExampleLine = { readonly topic: string; readonly key: unknown; readonly value: unknown; readonly atMs: number }

async function operatorExamples(): Promise<readonly SimulatedApplication[]> {
  const files = (await readdir(OPERATORS)).filter((file) => file.endsWith('.txt')).sort()
  return Promise.all(
    files.map(async (file) => {
      const name = file.slice(0, -'.txt'.length)
      const module = (await import(new URL(`${name}.ts`, OPERATORS).href)) as { readonly topology: () => Topology }
      const script = (await readFile(new URL(file, OPERATORS), 'utf8')).split('\n').flatMap(parseLine)
      const serdesOf = sourcesOf(module.topology())
      return {
        ...plain(`operator_${name}`, module.topology, (prng) => playScript(prng, script, serdesOf)),
        topics: TOPICS_BY_NAME[name] ?? [],
      }
    }),
  )
}

function parseLine(line: string): readonly ExampleLine[] {
  const [, topic, key = '', value = '', timestamp] = /^> (\S+) (\S+) (.+) @(\d+)$/.exec(line) ?? []
  return topic === undefined ? [] : [{ topic, key: parsed(key), value: parsed(value), atMs: Number(timestamp) }]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function sourcesOf(topology: Topology): ReadonlyMap<string, Serdes> {
  const sources = new Map<string, Serdes>()
  const globals = topology.globalStores.map(({ source }) => source)
  for (const node of [...topology.nodes.values(), ...globals]) {
    if (node.kind !== 'source') continue
    for (const { name } of node.topics) sources.set(name, { key: node.keySerde, value: node.valueSerde })
  }
  return sources
}

/** The text of the example again and again, later each time, in its order or in any. */
function playScript(
  prng: Prng,
  script: readonly ExampleLine[],
  serdesOf: ReadonlyMap<string, Serdes>,
): readonly SimulatedRecord[] {
  const records: SimulatedRecord[] = []
  let shiftMs = 0
  for (let round = 1 + prng.below(ROUNDS_MAX); round > 0; round--) {
    const isInOrder = prng.next() < 0.5
    let endMs = shiftMs
    for (let i = 0; i < script.length; i++) {
      const line = script[isInOrder ? i : prng.below(script.length)] as ExampleLine
      const timestampMs = line.atMs + shiftMs
      endMs = Math.max(endMs, timestampMs)
      const serdes = serdesOf.get(line.topic) as Serdes
      records.push({
        topic: line.topic,
        key: bytesOf(serdes.key, line.key, line.topic),
        value: bytesOf(serdes.value, line.value, line.topic),
        timestampMs,
      })
    }
    shiftMs = prng.next() < 0.3 ? shiftMs : endMs + prng.below(PAUSE_MAX_MS)
  }
  return records
}

function bytesOf(serde: Serde<unknown>, data: unknown, topic: string): Uint8Array | null {
  return data === null || data === undefined ? null : serde.serialize(data, topic)
}

// Inputs of the others ---------------------------------------------------------------------------------------------

const MEMBERS = ['asha', 'brian', 'chebet', 'dalmas'] as const
const LINES = ['to be or not to be', 'to err is human', 'the river is not the sea', 'asante sana', ''] as const
const MINUTE_MS = 60_000

const memberOf = (prng: Prng): string => MEMBERS[prng.below(MEMBERS.length)] as string
const manyOf = (prng: Prng, recordOf: (at: number) => SimulatedRecord): readonly SimulatedRecord[] =>
  Array.from({ length: 20 + prng.below(100) }, (_, at) => recordOf(at))

/** As `textRecords`, for topologies that allow neither keys nor values to be null, or a value to be empty. */
function textsWithKeys(prng: Prng, topics: readonly string[]): readonly SimulatedRecord[] {
  return textRecords(prng, topics, 20 + prng.below(100)).filter(({ key, value }) => key !== null && value !== null)
}

function lines(prng: Prng): readonly SimulatedRecord[] {
  return manyOf(prng, (at) => textRecord('lines', null, LINES[prng.below(LINES.length)] as string, at * 100))
}

function numbers(prng: Prng, topic: string): readonly SimulatedRecord[] {
  return manyOf(prng, (at) => {
    const value = serdes.int64.serialize(prng.below(1_000), topic)
    return { topic, key: serdes.string.serialize(memberOf(prng), topic), value, timestampMs: at * 500 }
  })
}

function loanRecords(prng: Prng): readonly SimulatedRecord[] {
  return manyOf(prng, (at) => {
    const state = prng.next() < 0.6 ? 'asked' : 'decided'
    const loan = { branch: `branch-${prng.below(3)}`, amount: 1 + prng.below(9_000), state }
    return textRecord('loans', `loan-${prng.below(10)}`, JSON.stringify(loan), at * MINUTE_MS)
  })
}

function activityRecords(prng: Prng): readonly SimulatedRecord[] {
  return manyOf(prng, (at) => {
    const timestampMs = at * 20 * MINUTE_MS
    const member = memberOf(prng)
    if (prng.next() < 0.2) {
      const profile = { name: member, dailyLimitMinor: prng.below(50_000) }
      return textRecord('members', member, JSON.stringify(profile), timestampMs)
    }
    const transaction = { amountMinor: prng.below(9_000), channel: prng.next() < 0.1 ? 'reversal' : 'mpesa' }
    return textRecord('transactions', member, JSON.stringify(transaction), timestampMs)
  })
}

function crashRecords(prng: Prng): readonly SimulatedRecord[] {
  const first = prng.below(100_000)
  return manyOf(prng, (at) => {
    const { key, value, timestampMs } = eventOf(first + at)
    const bytes = serdes.int64.serialize(value, INPUT)
    return { topic: INPUT, key: serdes.string.serialize(key, INPUT), value: bytes, timestampMs }
  })
}
