import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createHarness } from './testing/harness.ts'
import { JOIN_TOPOLOGIES } from './testing/join-topologies.ts'
import { openStore } from './testing/open-store.ts'

type Input = readonly [topic: string, key: string | null, value: string | null, timestampMs: number]
type Output = readonly [input: number, key: string | null, value: string | null, timestampMs: number]
type Case = {
  readonly topology: string
  readonly case: string
  readonly inputs: readonly Input[]
  readonly outputs: readonly Output[]
}

/** What Java Kafka Streams 4.3.1 (TopologyTestDriver) gives, caches off, outer-join results at each record. */
const cases = ['java-joins.jsonl', 'java-join-cases.jsonl'].flatMap((file) =>
  readFileSync(new URL(`./testdata/${file}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Case),
)

/** Every `recordsPerCrash` records: commit, process one more, lose it with the process, go on from the commit. */
function run({ topology, inputs }: Case, recordsPerCrash: number): Output[] {
  const nodes = JOIN_TOPOLOGIES[topology]?.() ?? []
  const harness = createHarness({ nodes, openStore })
  const outputs: Output[] = []
  for (const [index, [topic, key, value, timestampMs]] of inputs.entries()) {
    if ((index + 1) % recordsPerCrash === 0) {
      harness.commit()
      harness.pipe(topic, { key, value, timestampMs })
      harness.crash()
    }
    for (const output of harness.pipe(topic, { key, value, timestampMs })) {
      if (output.node !== 'out') continue
      outputs.push([index, output.key as string | null, output.value as string | null, output.timestampMs])
    }
  }
  return outputs
}

describe.each(cases)('$case gives what Java gives', (each) => {
  test('undisturbed', () => expect(run(each, Number.POSITIVE_INFINITY)).toEqual(each.outputs))
  test.each([1, 2, 5])('with a crash every %i records', (records) => expect(run(each, records)).toEqual(each.outputs))
})

test('every topology has cases', () => {
  expect([...new Set(cases.map(({ topology }) => topology))].sort()).toEqual(Object.keys(JOIN_TOPOLOGIES).sort())
})
