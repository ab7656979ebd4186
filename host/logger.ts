import type { LogFields, Logger } from '#streams/ports'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogLine = { readonly level: LogLevel; readonly message: string; readonly fields: LogFields | undefined }

const order: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

/** A logger that hands lines of at least `level` to `write`: to a stream, or to another thread. */
export function createLogger(level: LogLevel, write: (line: LogLine) => void): Logger {
  const at =
    (lineLevel: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (order[lineLevel] >= order[level]) write({ level: lineLevel, message, fields })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** One line for people: time, level, message, then the fields that are set. */
export function formatLine({ level, message, fields }: LogLine, wallClockMs: number): string {
  const time = new Date(wallClockMs).toISOString().slice(11, 23)
  const shown = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined)
  const details = shown.length === 0 ? '' : `  ${shown.map(([key, value]) => `${key}=${value}`).join(' ')}`
  return `${time} ${level.padEnd(5)} ${message}${details}`
}

/** Lines for people on standard error: standard output is for results. */
export function createConsoleLogger(level: LogLevel): Logger {
  return createLogger(level, (line) => process.stderr.write(`${formatLine(line, Date.now())}\n`))
}
