import type { Readable } from 'node:stream'
import { StreamsError } from '#streams/base'

export type Line = { readonly number: number; readonly bytes: Uint8Array }

/** A line that is longer is no line of records any more. */
export const LINE_BYTES_MAX = 64 * 1024 * 1024
const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/**
 * The lines of a stream, in the portions in which they arrive: whoever types sees each line taken at once, and a file
 * comes in pieces of some thousand lines. Line ends are LF or CR LF; a last line needs none.
 */
export async function* linesOf(input: Readable): AsyncGenerator<readonly Line[]> {
  let rest: Uint8Array[] = []
  let restBytes = 0
  let number = 0
  const lineOf = (end: Uint8Array): Line => {
    const whole = rest.length === 0 ? end : new Uint8Array(Buffer.concat([...rest, end]))
    rest = []
    restBytes = 0
    number++
    const bytes = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole
    return { number, bytes }
  }
  for await (const chunk of input as AsyncIterable<Buffer>) {
    const lines: Line[] = []
    let from = 0
    for (let to = chunk.indexOf(LINE_FEED); to >= 0; to = chunk.indexOf(LINE_FEED, from)) {
      lines.push(lineOf(chunk.subarray(from, to)))
      from = to + 1
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from))
      restBytes += chunk.length - from
    }
    if (restBytes > LINE_BYTES_MAX) {
      if (lines.length > 0) yield lines
      throw new StreamsError(
        'LIMIT_EXCEEDED',
        `line ${number + 1} is longer than ${LINE_BYTES_MAX / 1024 / 1024} MiB; is this a file of lines?`,
      )
    }
    if (lines.length > 0) yield lines
  }
  if (restBytes > 0) yield [lineOf(new Uint8Array(0))]
}
