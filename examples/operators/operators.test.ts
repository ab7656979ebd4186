import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Serde, Topology, Windowed } from 'mto'
import { createTestDriver, type TestDriver, type TestDriverOptions } from 'mto/testing'
import { describe, expect, test } from 'vitest'
import { seen } from './peek.ts'

/**
 * Each example has a text beside it: what goes in, and below each line what comes out.
 *
 *     > topic key value @timestamp      a record goes in
 *     ! crash                           something happens (`events`)
 *         topic key value @timestamp    a record comes out; topics in the order of their names
 *     # a remark
 *
 * Keys and values are JSON, or text as it is. `UPDATE=1 vitest run examples` writes what comes out: read the diff.
 */
const events: Readonly<Record<string, (driver: TestDriver) => void>> = {
  commit: (driver) => driver.commit(),
  crash: (driver) => driver.crash(),
  'advance the wall clock by a minute': (driver) => driver.advanceWallClock(60_000),
}

/** What an example is run with, where it needs more than the defaults. */
const optionsOf: Readonly<Record<string, TestDriverOptions>> = {
  // Large enough that nothing is evicted; committed by the text, not after each record.
  caching: { config: { cacheBytesMax: 1_000_000 }, commitEvery: 1_000_000 },
}
/** Where a crash between two lines is no crash between two commits, so that it may show. */
const shownByCrash = new Set(['caching'])
/** Topics that only come into being with their first record. */
const topicsByName: Readonly<Record<string, readonly string[]>> = { to: ['payments-kes', 'payments-ugx'] }

const names = (await readdir(import.meta.dirname))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort()

describe.each(names)('%s', async (name) => {
  const file = join(import.meta.dirname, `${name}.txt`)
  const text = await readFile(file, 'utf8')
  const { topology } = (await import(/* @vite-ignore */ new URL(`./${name}.ts`, import.meta.url).href)) as {
    readonly topology: () => Topology
  }

  test('gives what the page shows', async () => {
    const shown = play(name, topology(), text, () => {})
    if (process.env.UPDATE === '1') await writeFile(file, shown)
    else expect(shown).toBe(text)
  })

  test.skipIf(shownByCrash.has(name))('gives the same where it crashes before each record, and loses its disk', () => {
    expect(play(name, topology(), text, (driver) => driver.crashAndLoseState())).toBe(text)
  })
})

test('peek, foreach and print see the records', () => {
  expect(seen.slice(0, 3)).toEqual(['peek asha 5', 'foreach asha 5', '[payments]: asha, 5'])
})

/** The text with what comes out of the topology now. */
function play(name: string, topology: Topology, text: string, beforeEach: (driver: TestDriver) => void): string {
  using driver = createTestDriver(topology, { ...optionsOf[name] })
  const topics = topicsOf(topology, topicsByName[name] ?? [])
  const outputs = [...topics.sinks].sort(([left], [right]) => (left < right ? -1 : 1))
  const readers = outputs.map(([topic, serdes]) => ({ topic, reader: driver.outputTopic(topic, serdes) }))
  const lines: string[] = []
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith(' ')) continue
    lines.push(line)
    if (line.startsWith('#')) continue
    beforeEach(driver)
    if (line.startsWith('!')) eventOf(line)(driver)
    else pipe(driver, topics.sources, line)
    for (const { topic, reader } of readers) {
      for (const { key, value, timestampMs } of reader.readAll()) {
        lines.push(`    ${topic} ${printed(key)} ${printed(value)} @${timestampMs}`)
      }
    }
  }
  return `${lines.join('\n')}\n`
}

type Serdes = { readonly key: Serde<unknown>; readonly value: Serde<unknown> }

/** The topology knows the serdes of its topics. */
function topicsOf(topology: Topology, more: readonly string[]) {
  const sources = new Map<string, Serdes>()
  const sinks = new Map<string, Serdes>()
  for (const node of topology.nodes.values()) {
    if (node.kind === 'processor') continue
    const serdes = { key: node.keySerde, value: node.valueSerde }
    if (node.kind === 'source') for (const topic of node.topics) sources.set(topic.name, serdes)
    else if (typeof node.topic === 'function') for (const topic of more) sinks.set(topic, serdes)
    else if (!node.topic.internal) sinks.set(node.topic.name, serdes)
  }
  for (const { source } of topology.globalStores) {
    for (const { name } of source.topics) sources.set(name, { key: source.keySerde, value: source.valueSerde })
  }
  return { sources, sinks }
}

function eventOf(line: string): (driver: TestDriver) => void {
  const event = events[line.slice(2)]
  if (event === undefined) throw new Error(`'${line}' is unknown; known: ${Object.keys(events).join(', ')}`)
  return event
}

function pipe(driver: TestDriver, sources: ReadonlyMap<string, Serdes>, line: string): void {
  const [, topic = '', key = '', value = '', timestamp] = /^> (\S+) (\S+) (.+) @(\d+)$/.exec(line) ?? []
  const serdes = sources.get(topic)
  if (serdes === undefined) throw new Error(`'${line}' is no input; topics: ${[...sources.keys()].join(', ')}`)
  driver.inputTopic(topic, serdes).pipe(parsed(key), parsed(value), Number(timestamp))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function printed(data: unknown): string {
  if (typeof data === 'string') return data
  if (!isWindowed(data)) return JSON.stringify(data)
  const { key, window } = data
  return `${printed(key)}[${window.startMs},${window.endMs}]`
}

const isWindowed = (data: unknown): data is Windowed<unknown> =>
  typeof data === 'object' && data !== null && 'window' in data && 'key' in data
