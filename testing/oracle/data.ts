import { readFile } from 'node:fs/promises'
import type { OracleCase, OracleResult } from './format.ts'

const dataDirectory = new URL('./data/', import.meta.url)

export async function readCases(
  path: string | URL = new URL('inputs.json', dataDirectory),
): Promise<readonly OracleCase[]> {
  return JSON.parse(await readFile(path, 'utf8')) as readonly OracleCase[]
}

/** The results that are right for each case, by its name: one, or two where Java's own stores differ. */
export async function readExpected(): Promise<ReadonlyMap<string, readonly OracleResult[]>> {
  const accepted = new Map<string, readonly OracleResult[]>()
  for (const file of ['expected.jsonl', 'expected.in_memory.differs.jsonl']) {
    for (const line of (await readFile(new URL(file, dataDirectory), 'utf8')).split('\n')) {
      if (line === '') continue
      const result = JSON.parse(line) as OracleResult
      accepted.set(result.name, [...(accepted.get(result.name) ?? []), result])
    }
  }
  return accepted
}
