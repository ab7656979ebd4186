import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseStateEngine } from '#state-stores'
import { checkCase, createCase, describeFailure, shrink } from './fuzz-seed.ts'

/** `node testing/fuzz/fuzz.ts SEED COUNT`: runs so many seeds from SEED on; exit code 1 if one fails. */
const MIB = 1024 * 1024
const PROGRESS_EVERY = 500
const SHOWN_MAX = 5

const [first = '1', count = '1000'] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'mto-fuzz-'))
const { engine } = chooseStateEngine({ directory, rocksdb: { cacheBytesMax: 8 * MIB, memtableBytesMax: 8 * MIB } })
const startedMs = performance.now()
let failures = 0
for (let seed = Number(first); seed < Number(first) + Number(count) && failures < SHOWN_MAX; seed++) {
  const failure = await checkCase(createCase(seed), engine)
  if (failure !== undefined) {
    failures++
    console.log(describeFailure(await shrink(failure, (fuzzCase) => checkCase(fuzzCase, engine))))
  }
  const done = seed - Number(first) + 1
  if (done % PROGRESS_EVERY === 0) console.error(`${done} seeds, ${Math.round(performance.now() - startedMs)} ms`)
}
await engine.close()
rmSync(directory, { recursive: true, force: true })
console.log(
  failures === 0
    ? `${count} seeds from ${first} agree (${Math.round((performance.now() - startedMs) / 1000)} s)`
    : `${failures} seeds disagree`,
)
process.exitCode = failures === 0 ? 0 : 1
