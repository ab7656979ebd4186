import { describe, expect, test } from 'vitest'
import { firstDifference, isAccepted } from './compare.ts'
import { readCases, readExpected } from './data.ts'
import type { OracleResult } from './format.ts'
import { type OracleRun, runCase } from './run-case.ts'
import { oracleTopologies } from './topologies.ts'

const cases = await readCases()
const accepted = await readExpected()

const ways: readonly (OracleRun & { readonly label: string })[] = [
  { label: 'persistent stores', persistence: 'persistent' },
  { label: 'in-memory stores', persistence: 'memory' },
  { label: 'persistent stores, crash and loss of state', persistence: 'persistent', crashSeed: 11 },
  {
    label: 'stores with headers, crash and loss of state',
    persistence: 'persistent',
    storeFormat: 'headers',
    crashSeed: 13,
  },
  { label: 'in-memory stores, crash and loss of state', persistence: 'memory', crashSeed: 12 },
]

/** `make oracle` does the same, and on RocksDB. */
describe.each(ways)("the outputs are Java's: $label", ({ label: _label, ...run }) => {
  test.each(Object.keys(oracleTopologies))('%s', async (topology) => {
    const own = cases.filter((oracleCase) => oracleCase.topology === topology)
    expect(own).toHaveLength(20)
    for (const [index, oracleCase] of own.entries()) {
      const crash = run.crashSeed === undefined ? {} : { crashSeed: run.crashSeed * 1000 + index }
      const actual = await runCase(oracleCase, { ...run, ...crash })
      const expected = accepted.get(oracleCase.name) ?? []
      const difference = isAccepted(actual, expected) ? undefined : firstDifference(actual, expected[0] as OracleResult)
      expect({ case: oracleCase.name, difference }).toEqual({ case: oracleCase.name, difference: undefined })
    }
  })
})
