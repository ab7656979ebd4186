import { InvalidArgumentError } from 'commander'

/** Parsers of what is given on the command line. */
export function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.')
  return value
}

export function notNegative(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('It must be a number of at least 0.')
  return value
}

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.')
  return value
}

export function portNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError('It must be a port number from 0 (any free one) to 65535.')
  }
  return value
}

/** The environment is read here and nowhere else. */
export const DATA_DIRECTORY_DEFAULT = process.env.MTO_DATA_DIR ?? './data'
export const PORT_DEFAULT = (): number => portNumber(process.env.PORT ?? '8080')
