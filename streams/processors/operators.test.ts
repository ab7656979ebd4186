import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createPrng } from '../base/index.ts'
import type { Windowed } from '../stores/index.ts'
import { createHarness, type Harness, type HarnessOutput } from './testing/harness.ts'
import { openStore } from './testing/open-store.ts'
import { type OperatorTopology, operatorTopologies } from './testing/operator-topologies.ts'

/** What Java Kafka Streams 4.3.1 gave for the same inputs; one case per line, times in milliseconds. */
type JavaCase = {
  readonly case: string
  readonly inputs: readonly (readonly [topic: string, key: string | null, value: string | null, timestampMs: number])[]
  readonly outputs: readonly JavaOutput[]
}
type JavaOutput = readonly [input: number, topic: string, key: string | null, value: string | null, timestampMs: number]

const cases = readFileSync(new URL('testdata/java-cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as JavaCase)

function textOfKey(key: unknown): string | null {
  if (key === null || typeof key === 'string') return key
  const { key: inner, window } = key as Windowed<string>
  return `${inner}@${window.startMs}-${window.endMs}`
}

/** Within one input Java's outputs are listed topic by topic. */
function listed({ topicOf }: OperatorTopology, input: number, outputs: readonly HarnessOutput[]): JavaOutput[] {
  const topics = Object.values(topicOf)
  const rows = outputs.flatMap(({ node, key, value, timestampMs }): JavaOutput[] => {
    const topic = topicOf[node]
    return topic === undefined
      ? []
      : [[input, topic, textOfKey(key), value === null ? null : String(value), timestampMs]]
  })
  return rows.sort((left, right) => topics.indexOf(left[1]) - topics.indexOf(right[1]))
}

function run({ case: name, inputs }: JavaCase, before: (harness: Harness) => void): JavaOutput[] {
  const topology = operatorTopologies[name.split('/')[0] as string]?.() as OperatorTopology
  const harness = createHarness({ nodes: topology.nodes, openStore })
  return inputs.flatMap(([topic, key, value, timestampMs], i) => {
    before(harness)
    return listed(topology, i, harness.pipe(topic, { key, value, timestampMs }))
  })
}

describe('operators give what Java gives', () => {
  it('has cases for every topology', () => {
    expect(new Set(cases.map((one) => one.case.split('/')[0]))).toEqual(new Set(Object.keys(operatorTopologies)))
  })

  it.each(cases)('$case', (one) => {
    expect(run(one, () => {})).toEqual(one.outputs)
  })

  it.each(cases)('$case, dying and coming back between records', (one) => {
    const prng = createPrng(one.inputs.length)
    const outputs = run(one, (harness) => {
      if (prng.below(3) > 0) return
      harness.commit()
      harness.crash()
    })
    expect(outputs).toEqual(one.outputs)
  })
})
