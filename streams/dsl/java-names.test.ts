import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createStreamsBuilder } from '../index.ts'
import { javaTopologies } from './testing/java-topologies.ts'

/** Names that Java gives, and its optimisations: `testdata/DescribeTopologies.java` printed them. */
const sections = readFileSync(new URL('./testdata/describe.txt', import.meta.url), 'utf8')
  .split(/^## /m)
  .slice(1)
  .map((section) => {
    const [name = ''] = section.split('\n', 1)
    return { name, text: section.slice(name.length + 1).replace(/\n$/, '') }
  })

test('each topology of the Java program has its counterpart', () => {
  expect([...javaTopologies.keys()].sort()).toEqual(sections.map(({ name }) => name).sort())
})

test.each(sections)('describe() of $name is the text of Java', ({ name, text }) => {
  const builder = createStreamsBuilder()
  const topology = javaTopologies.get(name)
  topology?.record(builder)
  expect(builder.build(topology?.options).describe()).toBe(text)
})
