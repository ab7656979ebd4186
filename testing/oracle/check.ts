import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseStateEngine } from '#state-stores'
import { firstDifference, isAccepted } from './compare.ts'
import { readCases, readExpected } from './data.ts'
import { type OracleRun, runCase } from './run-case.ts'

/** `make oracle`: every case, in each way of keeping and losing state, against Java's answers. Exit code 1 on any difference. */
const directory = await mkdtemp(join(tmpdir(), 'mto-oracle-'))
const rocksdb = chooseStateEngine({ directory }).engine
const ways: readonly (OracleRun & { readonly label: string })[] = [
  { label: 'persistent stores on a memory engine', persistence: 'persistent' },
  { label: 'in-memory stores', persistence: 'memory' },
  { label: 'persistent stores, crash and loss of the state directory', persistence: 'persistent', crashSeed: 1 },
  { label: 'in-memory stores, crash and loss of the state directory', persistence: 'memory', crashSeed: 2 },
  {
    label: 'stores with headers, crash and loss of the state directory',
    persistence: 'persistent',
    storeFormat: 'headers',
    crashSeed: 4,
  },
  { label: rocksdb.name, persistence: 'persistent', stateEngine: rocksdb },
  {
    label: `${rocksdb.name}, crash and loss of the state directory`,
    persistence: 'persistent',
    stateEngine: rocksdb,
    crashSeed: 3,
  },
]
const cases = await readCases()
const expected = await readExpected()
let failed = 0
try {
  for (const way of ways) {
    const startedMs = performance.now()
    const different: string[] = []
    for (const [index, oracleCase] of cases.entries()) {
      const crash = way.crashSeed === undefined ? {} : { crashSeed: way.crashSeed * 10_000 + index }
      const actual = await runCase(oracleCase, { ...way, ...crash })
      const accepted = expected.get(oracleCase.name) ?? []
      if (isAccepted(actual, accepted)) continue
      const difference = accepted[0] === undefined ? undefined : firstDifference(actual, accepted[0])
      different.push(`${oracleCase.name}: ${JSON.stringify(difference)}`)
    }
    failed += different.length
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    process.stdout.write(
      `${way.label}: ${cases.length - different.length} of ${cases.length} cases equal to Java's (${seconds} s)\n`,
    )
    for (const line of different.slice(0, 30)) process.stdout.write(`  ${line}\n`)
  }
} finally {
  await rocksdb.close()
  await rm(directory, { recursive: true, force: true })
}
process.exit(failed === 0 ? 0 : 1)
