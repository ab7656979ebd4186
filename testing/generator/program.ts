import type { Prng } from '#streams/base'

/**
 * A random topology as plain data: a list of instructions over the streams and tables made so far. `a` and `b` choose
 * them modulo their number, `n` chooses among the variants of the operator. So every list is a valid program, and what
 * is left of a program when an instruction is taken out is one too, which is what shrinking needs.
 */
export const streamOps = [
  'filter',
  'map-values',
  'flat-map-values',
  'select-key',
  'map',
  'merge',
  'branch',
  'repartition',
  'process',
] as const
export const statefulOps = [
  'to-table',
  'count',
  'reduce',
  'aggregate',
  'cogroup',
  'window-count',
  'window-final',
  'window-suppress',
  'session',
  'stream-join',
  'self-join',
  'table-lookup',
  'versioned-lookup',
  'global-lookup',
] as const
export const tableOps = [
  'table-filter',
  'table-map-values',
  'table-join',
  'foreign-key-join',
  'table-group',
  'table-suppress',
  'table-transform',
  'to-stream',
] as const

export type OpName = (typeof streamOps)[number] | (typeof statefulOps)[number] | (typeof tableOps)[number]
export type Instruction = { readonly op: OpName; readonly a: number; readonly b: number; readonly n: number }
export type Program = readonly Instruction[]

const INSTRUCTIONS_MAX = 7
/** Large enough that each choice modulo a small number is near uniform. */
const CHOICES = 5040

export function generateProgram(prng: Prng): Program {
  const count = 1 + prng.below(INSTRUCTIONS_MAX)
  return Array.from({ length: count }, (): Instruction => {
    const kind = prng.below(10)
    const ops: readonly OpName[] = kind < 3 ? streamOps : kind < 7 ? statefulOps : tableOps
    return {
      op: ops[prng.below(ops.length)] as OpName,
      a: prng.below(CHOICES),
      b: prng.below(CHOICES),
      n: prng.below(CHOICES),
    }
  })
}

/** Topics that programs read. */
export const inputTopics = { streams: ['in1', 'in2'], tables: ['t1', 't2'], global: 'g' } as const
