import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createProgram } from './program.ts'

/** docs/CLI.md names every command with an example, and nothing that there is not. */
const text = await readFile(join(import.meta.dirname, '../docs/CLI.md'), 'utf8')
const { commands } = createProgram()
const sectionOf = (name: string): string => {
  const from = text.indexOf(`\`mto ${name}\`\n`)
  return from < 0 ? '' : text.slice(from, text.indexOf('\n## ', from) + 1 || undefined)
}

test.each(commands.map((command) => command.name()).filter((name) => !['demo', 'verify'].includes(name)))(
  'mto %s has a section with an example',
  (name) => {
    expect(text).toMatch(new RegExp(`^## (On Kafka: )?\`mto ${name}\`$`, 'm'))
    expect(sectionOf(name)).toContain('```')
  },
)

test('every option that it names exists', () => {
  const known = new Set(['--help'])
  for (const command of [...commands, ...commands.flatMap((each) => each.commands)])
    for (const { long } of command.options) if (long) known.add(long)
  const named = [...text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)].map(([name]) => name)
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter((name) => !known.has(name))).toEqual([])
})

test.each(commands.map((command) => [command.name(), command] as const))(
  'the examples of mto %s have only options that it has',
  (name, command) => {
    const options = new Set(['--help', ...command.options.map(({ long }) => long)])
    const examples = [...text.matchAll(new RegExp(`^.*mto ${name} (?!plan|apply).*$`, 'gm'))].map(([line]) => line)
    for (const line of examples.filter((each) => !each.startsWith('|') && !each.includes('`'))) {
      const [, own = ''] = line.split(`mto ${name} `)
      const given = (own.split(/ {2}#|&&| \| /)[0] ?? '').match(/(?<!\S)--[a-z][a-z0-9-]*/g) ?? []
      expect(
        given.filter((option) => !options.has(option)),
        line,
      ).toEqual([])
    }
  },
)
