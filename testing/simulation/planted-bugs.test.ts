import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { MUTANTS } from './planted-bugs.ts'

test.each(MUTANTS)('the line of $name is where it is looked for', async ({ file, find }) => {
  const source = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
  expect(source.split(find).length - 1, `plant it anew: its line is not in ${file} exactly once`).toBe(1)
})
