import type { OracleOutput, OracleResult } from './format.ts'

/** True if the outputs are one of those that Java gives; where Java ended with an error, equal up to there is right. */
export function isAccepted(actual: OracleResult, accepted: readonly OracleResult[]): boolean {
  return accepted.some((expected) => firstDifference(actual, expected) === undefined)
}

export type Difference = {
  readonly at: number
  readonly actual: OracleOutput | undefined
  readonly expected: OracleOutput | undefined
}

export function firstDifference(actual: OracleResult, expected: OracleResult): Difference | undefined {
  const last = expected.outputs.at(-1)
  const endsInError = last !== undefined && 'error' in last
  const count = endsInError ? expected.outputs.length - 1 : Math.max(actual.outputs.length, expected.outputs.length)
  for (let at = 0; at < count; at++) {
    if (JSON.stringify(actual.outputs[at]) !== JSON.stringify(expected.outputs[at])) {
      return { at, actual: actual.outputs[at], expected: expected.outputs[at] }
    }
  }
  return undefined
}
