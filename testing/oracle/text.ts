/** What the oracle's topologies do with strings, as Java does it. */

export type Text = string | null

export const textOf = (value: Text): string => value ?? 'null'

/** The value as a decimal integer; null reads 0. */
export const numberOf = (value: Text): number => (value === null ? 0 : Number.parseInt(value, 10))

/** The text before ':', or null where there is none. */
export function prefixOf(value: Text): Text {
  const at = value === null ? -1 : value.indexOf(':')
  return value === null || at < 0 ? null : value.slice(0, at)
}

export const firstCharacter = (value: Text): Text => (value === null ? null : value.slice(0, 1))

export const last40 = (text: string): string => text.slice(-40)

/** Java's String.split: empty strings at the end are left out, unless there is nothing else. */
export function splitWords(value: string): readonly string[] {
  if (value === '') return ['']
  const words = value.split(' ')
  while (words.length > 0 && words[words.length - 1] === '') words.pop()
  return words
}
