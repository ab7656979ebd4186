/**
 * The format of oracle cases: timestamped inputs to a named topology, and the output records that Java Kafka Streams
 * gives for them. One JSON object per line in the files of expected outputs.
 */
export type OracleInput =
  | { readonly topic: string; readonly key: string | null; readonly value: string | null; readonly timestamp: number }
  | { readonly advance: number }

export type OracleCase = {
  readonly name: string
  readonly topology: string
  readonly inputs: readonly OracleInput[]
}

export type OracleOutput =
  | {
      /** Index of the input that caused it. */
      readonly in: number
      readonly topic: string
      readonly key: string | null
      readonly value: string | null
      readonly timestamp: number
    }
  | { readonly in: number; readonly error: string }

export type OracleResult = {
  readonly name: string
  readonly topology: string
  readonly outputs: readonly OracleOutput[]
}

/** One line per case, or (flat) one per output. */
export function formatResult(result: OracleResult, flat: boolean): string {
  if (!flat) return JSON.stringify(result)
  return result.outputs.map((output) => JSON.stringify({ case: result.name, ...output })).join('\n')
}
