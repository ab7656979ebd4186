import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPrng } from '#streams/base'
import type { RestoreSummary } from '#streams/runtime'
import { OUTPUTS, REGROUPED_OUTPUT, REKEYED_OUTPUT } from './application.ts'
import { type ReadRecord, readTopics } from './read-all.ts'

/**
 * Real processes, killed with SIGKILL at random moments under load, on one directory. Exactly-once says that the end is
 * that of an undisturbed run, record for record.
 */
const KILLS = 20
const EVENTS = 60_000
const SEED = Number(process.env.CRASH_SEED ?? 20261120)
const LOADED_LIFE_MS_MAX = 700
/** Between two batches of 200 events: the feed outlasts the kills. */
const FEED_PAUSE_MS = 25

const script = fileURLToPath(new URL('./process.ts', import.meta.url))

type Life = { readonly exitCode: number | null; readonly output: string; readonly errors: string }

type Started = {
  readonly child: ChildProcess
  /** Resolves when all tasks run, or the process has ended before. */
  readonly running: Promise<void>
  readonly ended: Promise<Life>
}

function start(directory: string, pauseMs: number, threads: number): Started {
  const child = spawn(process.execPath, [script, directory, String(EVENTS), String(pauseMs), String(threads)])
  let output = ''
  let errors = ''
  const running = Promise.withResolvers<void>()
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (output.includes('running')) running.resolve()
  })
  child.on('close', () => running.resolve())
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const ended = new Promise<Life>((resolve) => child.on('close', (exitCode) => resolve({ exitCode, output, errors })))
  return { child, running: running.promise, ended }
}

function restores(life: Life): readonly RestoreSummary[] {
  return life.output
    .split('\n')
    .filter((line) => line.startsWith('restored '))
    .map((line) => JSON.parse(line.slice('restored '.length)) as RestoreSummary)
}

function countsOf(life: Life): string | undefined {
  return life.output.split('\n').find((line) => line.startsWith('counts '))
}

type Sequences = readonly (readonly ReadRecord[])[]

/** The first difference of each sequence, in words: a whole diff of 60,000 records says less. */
function differences(actual: Sequences | undefined, expected: Sequences | undefined): readonly string[] {
  if (actual?.length !== expected?.length) return [`${actual?.length} sequences instead of ${expected?.length}`]
  return (expected ?? []).flatMap((wanted, index) => {
    const found = actual?.[index] ?? []
    const at = Array.from({ length: Math.max(found.length, wanted.length) }, (_, position) => position).find(
      (position) => JSON.stringify(found[position]) !== JSON.stringify(wanted[position]),
    )
    if (at === undefined) return []
    return [`sequence ${index} at ${at}: ${JSON.stringify(found[at])} instead of ${JSON.stringify(wanted[at])}`]
  })
}

function byKey(partitions: Sequences | undefined): Sequences {
  const sequences = new Map<string, ReadRecord[]>()
  for (const record of partitions?.flat() ?? [])
    sequences.set(record.key, [...(sequences.get(record.key) ?? []), record])
  return [...sequences].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, records]) => records)
}

const directories: string[] = []
async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mto-crash-'))
  directories.push(directory)
  return directory
}

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true })
})

describe.each([{ threads: 1 }, { threads: 2 }])('kill -9, $threads thread(s)', ({ threads }) => {
  let undisturbed: string
  let disturbed: string
  let quietLife: Life
  const lives: Life[] = []
  let lastLife: Life

  beforeAll(async () => {
    undisturbed = await temporaryDirectory()
    disturbed = await temporaryDirectory()
    quietLife = await start(undisturbed, 0, threads).ended
    const prng = createPrng(SEED + threads)
    for (let kill = 0; kill < KILLS; kill++) {
      const { child, running, ended } = start(disturbed, FEED_PAUSE_MS, threads)
      // One in five dies while it starts or recovers, the others some time after, under load.
      const isEarly = prng.next() < 0.2
      const lifeMs = isEarly ? prng.below(300) : 50 + prng.below(LOADED_LIFE_MS_MAX)
      if (!isEarly) await running
      const timer = setTimeout(() => child.kill('SIGKILL'), lifeMs)
      lives.push(await ended)
      clearTimeout(timer)
    }
    lastLife = await start(disturbed, 0, threads).ended
  }, 180_000)

  test('both runs come to their end', () => {
    expect(quietLife.errors).not.toMatch(/ error /)
    expect({ code: quietLife.exitCode, last: quietLife.output.trimEnd().split('\n').at(-1) }).toEqual({
      code: 0,
      last: 'done',
    })
    expect({ code: lastLife.exitCode, last: lastLife.output.trimEnd().split('\n').at(-1) }).toEqual({
      code: 0,
      last: 'done',
    })
  })

  test('most lives ended by the kill, under load', () => {
    expect(lives.filter((life) => life.exitCode === null).length).toBeGreaterThanOrEqual(KILLS / 2)
    expect(lives.filter((life) => life.output.includes('running')).length).toBeGreaterThanOrEqual(KILLS / 2)
    for (const life of lives) expect(life.errors).not.toMatch(/ error /)
  })

  test('the state is that of the undisturbed run', () => {
    expect(countsOf(quietLife)).toBeDefined()
    expect(countsOf(lastLife)).toBe(countsOf(quietLife))
  })

  test('the output is that of the undisturbed run, record for record', async () => {
    const topics = [...OUTPUTS, REKEYED_OUTPUT, REGROUPED_OUTPUT]
    const expected = await readTopics(join(undisturbed, 'log'), topics)
    const actual = await readTopics(join(disturbed, 'log'), topics)
    for (const topic of OUTPUTS) {
      const total = expected.get(topic)?.reduce((sum, records) => sum + records.length, 0)
      expect(total).toBeGreaterThan(EVENTS / 2)
      expect(differences(actual.get(topic), expected.get(topic))).toEqual([])
    }
    // A changed key sends records of several tasks into one partition: the order is that of each key.
    expect(differences(byKey(actual.get(REKEYED_OUTPUT)), byKey(expected.get(REKEYED_OUTPUT)))).toEqual([])
    // Behind the repartition topic the inputs of a key may interleave: the number of updates and the totals are the same.
    const last = (records: readonly (readonly { key: string; value: string }[])[] | undefined) =>
      records?.map((partition) => ({
        updates: partition.length,
        totals: Object.fromEntries(partition.map(({ key, value }) => [key, value])),
      }))
    expect(last(actual.get(REGROUPED_OUTPUT))).toEqual(last(expected.get(REGROUPED_OUTPUT)))
  })

  test('each restart restores only the missing tail of the changelogs, and the log says how much', () => {
    const restarts = [...lives, lastLife].slice(1).flatMap((life) => [...restores(life)])
    expect(restarts.length).toBeGreaterThan(0)
    for (const { startOffset, endOffset, records, durationMs } of restarts) {
      expect(records).toBeLessThanOrEqual(endOffset - startOffset)
      expect(durationMs).toBeLessThan(10_000)
    }
    const finalLength = new Map(
      restores(lastLife).map((summary) => [`${summary.changelog}-${summary.partition}`, summary.endOffset]),
    )
    const whole = [...finalLength.values()].reduce((sum, length) => sum + length, 0)
    const restored = restarts.reduce((sum, { records }) => sum + records, 0)
    // Twenty whole restores would be about ten times the final length; tails are at most one commit each.
    expect(restored).toBeLessThan(whole / 2)
    const said = [...lives, lastLife]
      .flatMap((life) => life.errors.split('\n'))
      .filter((line) => /Restored \d+ records of store/.test(line))
    expect(said.length).toBe(restarts.filter(({ startOffset, endOffset }) => endOffset > startOffset).length)
  })
})
