import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { MUTANTS, type Mutant } from './planted-bugs.ts'

/** `make sim-mutants`: the simulator is tested by bugs that it must find. Exit code 1 if one is not found. */
const SEEDS_MAX = 400
const root = new URL('../../', import.meta.url)

const { values } = parseArgs({ options: { only: { type: 'string' }, seeds: { type: 'string' } } })
const seedsMax = Number(values.seeds ?? SEEDS_MAX)
const chosen = MUTANTS.filter(({ name }) => values.only === undefined || name.includes(values.only))
const print = (text: string): void => void process.stdout.write(`${text}\n`)

type Found = { readonly seeds: number; readonly seed: number; readonly checker: string; readonly message: string }

let missed = 0
const startedMs = performance.now()
print(`${'planted bug'.padEnd(36)} seeds  found by`)
for (const mutant of chosen) {
  const source = await readFile(new URL(mutant.file, root), 'utf8')
  if (source.split(mutant.find).length !== 2) {
    print(`${mutant.name.padEnd(36)}        its line is not in ${mutant.file} exactly once: plant it anew`)
    missed++
    continue
  }
  const found = await hunt(mutant)
  if (found === undefined) missed++
  print(
    found === undefined
      ? `${mutant.name.padEnd(36)}        NOT FOUND in ${seedsMax} seeds`
      : `${mutant.name.padEnd(36)} ${String(found.seeds).padStart(5)}  ${found.checker}: ${found.message.slice(0, 90)}`,
  )
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
print(`${chosen.length - missed} of ${chosen.length} planted bugs found (${seconds} s)`)
process.exitCode = missed === 0 ? 0 : 1

/** In a process of its own, since modules are loaded once. */
function hunt(mutant: Mutant): Promise<Found | undefined> {
  return new Promise((resolve, reject) => {
    const hunter = new URL('mutant-hunt.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--no-warnings', hunter, mutant.name, String(seedsMax)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Uint8Array) => {
      output += new TextDecoder().decode(chunk)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`${mutant.name} could not be hunted: exit code ${code}`))
      const last = output.trim().split('\n').at(-1) ?? ''
      resolve(last.startsWith('{') ? (JSON.parse(last) as Found) : undefined)
    })
  })
}
