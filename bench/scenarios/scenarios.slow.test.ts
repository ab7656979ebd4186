import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scenarios } from './index.ts'
import type { ScenarioContext } from './scenario.ts'

const TIMEOUT_MS = 180_000

describe('each scenario works: tiny, once', () => {
  let outputDirectory = ''
  const lines: string[] = []
  const context = (): ScenarioContext => ({
    size: 'tiny',
    repeat: 1,
    brokers: undefined,
    outputDirectory,
    write: (line) => void lines.push(line),
  })
  beforeAll(async () => {
    outputDirectory = await mkdtemp(join(tmpdir(), 'mto-bench-test-'))
  })
  afterAll(() => rm(outputDirectory, { recursive: true, force: true }))

  const embedded = scenarios.filter(({ name }) => name !== 'processes')
  it.each(embedded)('$name', { timeout: TIMEOUT_MS }, async ({ name, measure }) => {
    const samples = await measure(context())
    expect(samples.length).toBeGreaterThan(1)
    expect(new Set(samples.map((sample) => sample.name)).size).toBe(samples.length)
    for (const { name: figure, value } of samples) expect(value, figure).toSatisfy(Number.isFinite)
    if (name === 'stages') {
      expect(samples.find((sample) => sample.name === 'step')?.value).toBeGreaterThan(0)
      expect(await readFile(join(outputDirectory, 'flame-graph.svg'), 'utf8')).toContain('<svg')
    }
    if (name === 'query')
      expect(samples.find((sample) => sample.name.startsWith('requests not'))?.value).toBeLessThan(10)
    if (name === 'restart') {
      const restored = samples.find((sample) => sample.name === 'state directory lost: records restored')
      expect(restored?.value).toBe(2_000)
    }
  })

  it('processes says why there is nothing to measure without a broker', async () => {
    const processes = scenarios.find(({ name }) => name === 'processes')
    expect(await processes?.measure(context())).toEqual([])
    expect(lines.at(-1)).toContain('--kafka')
  })
})
