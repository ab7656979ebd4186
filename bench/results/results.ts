import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { type Machine, machineHere, versionsHere } from '../peers/machine.ts'
import type { Figure } from './figures.ts'

/** Everything of one run: what is written to a file, and committed as a baseline. */
export type Results = {
  readonly date: string
  readonly machine: Machine
  /** Of the minute before the end. */
  readonly loadAfter: number
  readonly versions: { readonly mto: string; readonly node: string }
  readonly options: Readonly<Record<string, unknown>>
  readonly figures: readonly Figure[]
}

export async function describeRun(
  options: Readonly<Record<string, unknown>>,
): Promise<Omit<Results, 'figures' | 'loadAfter'>> {
  const { mto, node } = await versionsHere('none')
  return { date: new Date().toISOString(), machine: machineHere(), versions: { mto, node }, options }
}

/** Returns the file's name. */
export async function writeResults(directory: string, results: Results): Promise<string> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, `${results.date.replaceAll(':', '-')}.json`)
  await writeFile(file, `${JSON.stringify(results, undefined, 2)}\n`)
  return file
}

export async function readResults(file: string): Promise<Results> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new Error(`the baseline ${file} cannot be read: ${String(cause)}`, { cause })
  }
  const results = JSON.parse(text) as Partial<Results>
  if (!Array.isArray(results.figures) || results.machine === undefined)
    throw new Error(`${file} is no file of results: it has no figures, or no machine. Such files are in build/bench`)
  return results as Results
}

export function headingOf({ date, machine, versions }: Omit<Results, 'figures' | 'loadAfter'>): string {
  return [
    `${date}, ${machine.cores} × ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}, load before ${machine.loadBefore.toFixed(2)}`,
    `Mto ${versions.mto} on Node ${versions.node}; embedded log and RocksDB on the disk of the temporary directory`,
  ].join('\n')
}

export function isSameMachine(one: Machine, other: Machine): boolean {
  return one.cores === other.cores && one.processor === other.processor
}

export function loadNow(): number {
  return loadavg()[0] ?? 0
}
