import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chooseStateEngine } from '#state-stores'
import type { StateEngine } from '#streams/ports'
import { readCases } from './data.ts'
import { formatResult } from './format.ts'
import { runCase } from './run-case.ts'

const usage = `Runs oracle cases through the test driver and prints what comes out, one line per case.

  node testing/oracle/run.ts INPUTS.json [--flat] [--stores persistent|rocksdb|memory] [--crash SEED]

  --flat     one line per output record instead of one per case
  --stores   persistent (default): Java's segmented stores on a memory engine; rocksdb: the same on RocksDB;
             memory: stores that are kept in memory and restored whole
  --crash    crashes each case at a random point and loses the state directory at another; the output is the same`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    flat: { type: 'boolean', default: false },
    stores: { type: 'string', default: 'persistent' },
    crash: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const [inputs] = positionals
if (values.help || inputs === undefined || !['persistent', 'rocksdb', 'memory'].includes(values.stores)) {
  process.stderr.write(`${usage}\n`)
  process.exit(values.help ? 0 : 2)
}

const directory = await mkdtemp(join(tmpdir(), 'mto-oracle-'))
const stateEngine: StateEngine | undefined =
  values.stores === 'rocksdb' ? chooseStateEngine({ directory, prefer: 'rocksdb' }).engine : undefined
try {
  for (const [index, oracleCase] of (await readCases(inputs)).entries()) {
    const result = await runCase(oracleCase, {
      persistence: values.stores === 'memory' ? 'memory' : 'persistent',
      ...(stateEngine === undefined ? {} : { stateEngine }),
      ...(values.crash === undefined ? {} : { crashSeed: Number(values.crash) + index }),
    })
    const text = formatResult(result, values.flat)
    if (text !== '') process.stdout.write(`${text}\n`)
  }
} finally {
  await stateEngine?.close()
  await rm(directory, { recursive: true, force: true })
}
