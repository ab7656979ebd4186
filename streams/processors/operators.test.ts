import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createPrng, present, utf8Decode, utf8Encode } from '../base/index.ts'
import { lastHeader } from '../ports/index.ts'
import type { Windowed } from '../stores/index.ts'
import { createHarness, type Harness, type HarnessOutput } from './testing/harness.ts'
import { moreOperatorTopologies } from './testing/more-operator-topologies.ts'
import { openStore } from './testing/open-store.ts'
import { type OperatorTopology, operatorTopologies } from './testing/operator-topologies.ts'

/** What Java Kafka Streams 4.3.1 gave for the same inputs; one case per line, times in milliseconds. */
type JavaCase = {
  readonly case: string
  readonly inputs: readonly (readonly [topic: string, key: string | null, value: string | null, timestampMs: number])[]
  readonly outputs: readonly JavaOutput[]
}
/** `header`: the index of the input whose headers the output has; null where it has none. Not in all cases. */
type JavaOutput = readonly [
  input: number,
  topic: string,
  key: string | null,
  value: string | null,
  timestampMs: number,
  header?: number | null,
]
type Topologies = Readonly<Record<string, () => OperatorTopology>>

function casesOf(file: string): readonly JavaCase[] {
  const lines = readFileSync(new URL(`testdata/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as JavaCase)
}

function textOfKey(key: unknown): string | null {
  if (key === null || typeof key === 'string') return key
  const { key: inner, window } = key as Windowed<string>
  return `${inner}@${window.startMs}-${window.endMs}`
}

function rowOf(input: number, topic: string, output: HarnessOutput, hasHeaders: boolean): JavaOutput {
  const { key, value, timestampMs, headers } = output
  const row = [input, topic, textOfKey(key), value === null ? null : String(value), timestampMs] as const
  if (!hasHeaders) return row
  const header = lastHeader(headers, 'n')?.value
  return [...row, header ? Number(utf8Decode(header)) : null]
}

function run(topologies: Topologies, { case: name, inputs, outputs }: JavaCase, before: (harness: Harness) => void) {
  const create = present(topologies[name.split('/')[0] as string], `${name} is a case of a known topology`)
  const { nodes, topicOf } = create()
  const topics = Object.values(topicOf)
  const hasHeaders = outputs.some((output) => output.length === 6)
  const harness = createHarness({ nodes, openStore })
  return inputs.flatMap(([topic, key, value, timestampMs], i) => {
    before(harness)
    const results = harness.pipe(topic, { key, value, timestampMs, headers: [{ key: 'n', value: utf8Encode(`${i}`) }] })
    const rows = results.flatMap((output) => {
      const outputTopic = topicOf[output.node]
      return outputTopic === undefined ? [] : [rowOf(i, outputTopic, output, hasHeaders)]
    })
    // Within one input Java's outputs are listed topic by topic.
    return rows.sort((left, right) => topics.indexOf(left[1]) - topics.indexOf(right[1]))
  })
}

/** All but those whose user function counts its calls in a field: that dies with the process, in Java too. */
const survivesCrash = (one: JavaCase): boolean => !one.case.startsWith('transform_values')

describe.each([
  { file: 'java-cases.jsonl', topologies: operatorTopologies },
  { file: 'operator-cases.jsonl', topologies: moreOperatorTopologies },
])('operators give what Java gives: $file', ({ file, topologies }) => {
  const cases = casesOf(file)

  it('has cases for every topology', () => {
    expect(new Set(cases.map((one) => one.case.split('/')[0]))).toEqual(new Set(Object.keys(topologies)))
  })

  it.each(cases)('$case', (one) => {
    expect(run(topologies, one, () => {})).toEqual(one.outputs)
  })

  it.each(cases.filter(survivesCrash))('$case, dying and coming back between records', (one) => {
    const prng = createPrng(one.inputs.length)
    const outputs = run(topologies, one, (harness) => {
      if (prng.below(3) > 0) return
      harness.commit()
      harness.crash()
    })
    expect(outputs).toEqual(one.outputs)
  })
})
