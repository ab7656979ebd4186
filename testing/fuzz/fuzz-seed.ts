import { createPrng, messageOf } from '#streams/base'
import type { StateEngine } from '#streams/ports'
import { generateInputs, generateProgram, type Program, type ProgramInput } from '../generator/index.ts'
import { disagreement } from './agreement.ts'
import { diskVariant, type RunResult, runVariant, variants } from './variants.ts'

export type FuzzCase = { readonly seed: number; readonly program: Program; readonly inputs: readonly ProgramInput[] }
export type FuzzFailure = { readonly fuzzCase: FuzzCase; readonly variant: string; readonly what: string }

const INPUTS_MIN = 20
const INPUTS_MORE = 40
/** One seed in so many also runs on the given engine: opening databases takes longer than all other variants. */
const ON_DISK_EVERY = 25

export function createCase(seed: number): FuzzCase {
  const prng = createPrng(seed)
  const program = generateProgram(prng)
  const nullKeys = prng.below(4) === 0
  return { seed, program, inputs: generateInputs(prng, { count: INPUTS_MIN + prng.below(INPUTS_MORE), nullKeys }) }
}

/** Runs every variant of a case; the first that disagrees is the answer. */
export async function checkCase(fuzzCase: FuzzCase, stateEngine?: StateEngine): Promise<FuzzFailure | undefined> {
  const { seed, program, inputs } = fuzzCase
  const results = new Map<string, RunResult>()
  // A left row whose foreign key is null is sent on without a key.
  const hasNullKeys =
    inputs.some(({ key }) => key === null) || program.some(({ op, n }) => op === 'foreign-key-join' && n % 2 === 1)
  const onDisk = stateEngine !== undefined && seed % ON_DISK_EVERY === 0
  for (const variant of onDisk ? [...variants, diskVariant] : variants) {
    // Records without a key go to partitions in turn, and the turn begins anew after a crash.
    if (hasNullKeys && variant.like === 'partitioned') continue
    const fail = (what: string): FuzzFailure => ({ fuzzCase, variant: variant.name, what })
    try {
      const result = await runVariant(program, inputs, variant, { seed, ...(stateEngine && { stateEngine }) })
      results.set(variant.name, result)
      const expected = variant.like === undefined ? undefined : results.get(variant.like)
      const difference = expected === undefined ? undefined : disagreement(expected, result, variant)
      if (difference !== undefined) return fail(difference)
    } catch (error) {
      return fail(`it throws: ${messageOf(error)}\n${error instanceof Error ? error.stack : ''}`)
    }
  }
  return undefined
}

export type CheckCase = (fuzzCase: FuzzCase) => Promise<FuzzFailure | undefined>

/** Takes instructions and inputs out as long as it still fails, in the same variant. */
export async function shrink(failure: FuzzFailure, check: CheckCase): Promise<FuzzFailure> {
  let smallest = failure
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false
    for (const candidate of smallerCases(smallest.fuzzCase)) {
      const found = await check(candidate)
      if (found?.variant !== failure.variant) continue
      smallest = found
      isSmaller = true
      break
    }
  }
  return smallest
}

function* smallerCases(fuzzCase: FuzzCase): Generator<FuzzCase> {
  const { program, inputs } = fuzzCase
  for (let i = program.length - 1; i >= 0; i--) yield { ...fuzzCase, program: without(program, i, 1) }
  for (let size = Math.ceil(inputs.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let i = inputs.length - size; i >= 0; i -= size) {
      const fewer = without(inputs, i, size)
      if (fewer.length > 0) yield { ...fuzzCase, inputs: fewer }
    }
}

function without<T>(list: readonly T[], at: number, count: number): readonly T[] {
  return [...list.slice(0, at), ...list.slice(at + count)]
}

export function describeFailure({ fuzzCase, variant, what }: FuzzFailure): string {
  const program = fuzzCase.program.map((instruction) => `  ${JSON.stringify(instruction)}`)
  const inputs = fuzzCase.inputs.map((input) => `  ${JSON.stringify(input)}`)
  return [
    `seed ${fuzzCase.seed}: variant '${variant}' disagrees: ${what}`,
    'program:',
    ...program,
    'inputs:',
    ...inputs,
  ].join('\n')
}
