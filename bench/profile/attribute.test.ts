import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Drained } from '../runner/said.ts'
import { attribute, foldedStacks, unattributedShare } from './attribute.ts'
import { flameGraph } from './flame-graph.ts'
import { rules, type Stage, stageOf } from './stages.ts'

const root = join(import.meta.dirname, '../..')
const url = (file: string): string =>
  file === '' || file.startsWith('node:') ? file : new URL(`../../${file}`, import.meta.url).href

/** A function, the µs that it was on top of the stack, and what it called. */
type Call = readonly [name: string, file: string, selfMicros: number, ...calls: Call[]]

function profileOf(...calls: Call[]): Profiler.Profile {
  const nodes: Profiler.ProfileNode[] = []
  const samples: number[] = []
  const timeDeltas: number[] = []
  const add = ([functionName, file, selfMicros, ...children]: Call): number => {
    const id = nodes.length + 1
    const callFrame = { functionName, url: url(file), scriptId: '0', lineNumber: 9, columnNumber: 0 }
    const node: Profiler.ProfileNode = { id, callFrame }
    nodes.push(node)
    if (selfMicros > 0) {
      samples.push(id)
      timeDeltas.push(selfMicros)
    }
    node.children = children.map(add)
    return id
  }
  add(['(root)', '', 0, ...calls])
  return { nodes, samples, timeDeltas, startTime: 0, endTime: 0 }
}

function drained(...calls: Call[]): Drained {
  return {
    kind: 'drained',
    name: 'measured',
    events: 10,
    seconds: 1,
    cpuMicros: 1_500,
    residentMiB: 1,
    stateMiB: 1,
    profiles: [{ thread: 'bench-1', cpuMicros: 1_000, profile: profileOf(...calls) }],
    threads: { JavaScript: 1_000, 'files (thread pool)': 500 },
  }
}

describe('the stage of a function', () => {
  it.each<{ path: readonly (readonly [name: string, file: string])[]; stage: Stage | undefined }>([
    { path: [['next', 'connectors/embedded-log/batch-decoder.ts']], stage: 'fetch' },
    {
      path: [
        ['#readHead', 'streams/runtime/record-queue.ts'],
        ['#readRecord', 'streams/runtime/task.ts'],
        ['deserialize', 'streams/serdes/primitives.ts'],
      ],
      stage: 'decode',
    },
    {
      path: [
        ['process', 'streams/processors/stream-aggregate.ts'],
        ['get', 'streams/stores/key-value-store.ts'],
        ['deserialize', 'streams/serdes/primitives.ts'],
      ],
      stage: 'store get',
    },
    {
      path: [
        ['process', 'streams/processors/stream-aggregate.ts'],
        ['put', 'streams/stores/key-value-store.ts'],
      ],
      stage: 'store put',
    },
    {
      path: [
        ['prepareCommit', 'streams/runtime/task-stores.ts'],
        ['prepareCommit', 'streams/stores/key-value-store.ts'],
        ['', 'streams/runtime/task-stores.ts'],
        ['send', 'streams/runtime/log-collector.ts'],
        ['send', 'connectors/embedded-log/producer.ts'],
      ],
      stage: 'commit: changelog',
    },
    {
      path: [
        ['#send', 'streams/runtime/node-instance.ts'],
        ['send', 'connectors/embedded-log/producer.ts'],
      ],
      stage: 'produce',
    },
    {
      path: [
        ['committed', 'streams/runtime/task-stores.ts'],
        ['write', 'state-stores/rocksdb/rocksdb-database.ts'],
        ['', ''],
      ],
      stage: 'commit: state',
    },
    { path: [['get something', 'streams/runtime/partition-group.ts']], stage: 'choose' },
    { path: [['(garbage collector)', '']], stage: 'collector' },
    { path: [['somebody', 'node:internal/timers']], stage: undefined },
  ])('$path is $stage', ({ path, stage }) => {
    let found: Stage | undefined
    for (const [functionName, file] of path) found = stageOf({ functionName, url: url(file) }, found) ?? found
    expect(found).toBe(stage)
  })

  it('is told by files and functions that exist: whoever moves one moves its rule', async () => {
    for (const { file, functions = [] } of rules) {
      expect(existsSync(join(root, file)), `${file} of a rule`).toBe(true)
      if (file.endsWith('/')) continue
      const source = await readFile(join(root, file), 'utf8')
      for (const name of functions) expect(source, `${name} of a rule in ${file}`).toMatch(new RegExp(`${name}\\b`))
    }
  })
})

describe('attribution', () => {
  const one = drained(
    ['(idle)', '', 9_000],
    ['post', 'node:inspector', 100],
    ['somebody', 'unknown.ts', 50],
    [
      '#processNext',
      'streams/runtime/task.ts',
      100,
      ['process', 'streams/processors/filter.ts', 50],
      ['get', 'streams/stores/key-value-store.ts', 200, ['', '', 100]],
    ],
  )

  it('gives each stage its share of the samples, of the processor time: idle and profiling count for nothing', () => {
    const { stages, others, micros } = attribute(one)
    // 500 µs of samples stand for 1,000 µs of processor time and 10 events.
    const byStage = Object.fromEntries(stages.map((each) => [each.stage, each.micros]))
    expect(Object.keys(byStage).sort()).toEqual(['step', 'store get', 'unattributed'])
    expect(byStage.step).toBeCloseTo(30)
    expect(byStage['store get']).toBeCloseTo(60)
    expect(others).toEqual({ 'files (thread pool)': 50 })
    expect(micros).toBe(150)
  })

  it('says how much is of no stage, and which functions are the dearest', () => {
    const attribution = attribute(one)
    expect(unattributedShare(attribution)).toBeCloseTo(0.1)
    expect(attribution.functions[0]).toMatchObject({ name: 'get key-value-store.ts:10', stage: 'store get' })
  })

  it('names what a native package does by where it was called, since V8 has one name for all of them', () => {
    const write: Call = ['write', 'state-stores/rocksdb/rocksdb-database.ts', 0, ['crc32c', '', 100]]
    const { functions } = attribute(drained(['committed', 'streams/runtime/task-stores.ts', 0, write]))
    expect(functions).toMatchObject([{ name: 'state engine (native)', stage: 'commit: state' }])
  })

  it('of a profile without samples is empty', () => {
    expect(attribute(drained(['(idle)', '', 100])).stages).toEqual([])
    expect(unattributedShare(attribute(drained()))).toBe(0)
  })

  it('becomes a flame graph: each box as wide as its time, names safe, narrow ones left out', () => {
    const svg = flameGraph(foldedStacks(one), 'a <heading>')
    expect(svg).toContain('a &lt;heading&gt;')
    expect(svg).toContain('<title>#processNext task.ts:10: 90.00 µs an event (step)</title>')
    expect(svg).toContain('prefers-color-scheme:dark')
    expect(svg).not.toContain('(idle)')
    const narrow = flameGraph([...foldedStacks(one), { frames: [{ name: 'tiny', stage: 'step' }], micros: 0.01 }], '')
    expect(narrow).not.toContain('tiny')
  })
})
