import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createStreamsBuilder } from '#streams'
import { oracleTopologies } from './topologies.ts'

/** Java's `topology.describe()` for each topology, each under a line `## name` and followed by an empty line. */
function readDescriptions(): ReadonlyMap<string, string> {
  const text = readFileSync(new URL('./data/describe.txt', import.meta.url), 'utf8')
  const sections = text.split(/^## /m).slice(1)
  return new Map(
    sections.map((section) => {
      const [name = ''] = section.split('\n', 1)
      return [name, section.slice(name.length + 1).replace(/\n$/, '')]
    }),
  )
}

const descriptions = readDescriptions()

test('every topology of the oracle is built here, and no other', () => {
  expect(Object.keys(oracleTopologies).sort()).toEqual([...descriptions.keys()].sort())
  expect(descriptions.size).toBe(63)
})

test.each([...descriptions.keys()])('describe() of %s is the text of Java', (name) => {
  const builder = createStreamsBuilder()
  oracleTopologies[name]?.(builder)
  expect(builder.build().describe()).toBe(descriptions.get(name))
})
