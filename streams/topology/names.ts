import { StreamsError } from '../base/index.ts'

/** Kafka's limit for topic names; node and store names become parts of them. */
export const NAME_LENGTH_MAX = 249

const LEGAL = /^[a-zA-Z0-9._-]+$/

/** A topology that cannot work: says what, why, and what to do. */
export function invalidTopology(message: string): StreamsError {
  return new StreamsError('TOPOLOGY_INVALID', message)
}

/** Java: Named.validate. `what` is the kind of thing that is named, for the message. */
export function checkName(what: string, name: string): string {
  const reason = reasonAgainst(name)
  if (reason === undefined) return name
  throw invalidTopology(
    `${what} name ${JSON.stringify(name)} is not allowed: ${reason}. ` +
      `Use up to ${NAME_LENGTH_MAX} of the characters a-z, A-Z, 0-9, '.', '_' and '-': names become parts of topic names.`,
  )
}

function reasonAgainst(name: string): string | undefined {
  if (typeof name !== 'string' || name.length === 0) return 'it is empty'
  if (name === '.' || name === '..') return 'it would be a relative path'
  if (name.length > NAME_LENGTH_MAX) return `it has ${name.length} characters`
  if (!LEGAL.test(name)) return 'it has other characters than topic names may have'
  return undefined
}
