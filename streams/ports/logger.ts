export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

/** Structured log lines. The message is a full sentence that a stranger understands; fields carry the values. */
export type Logger = {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export const SILENT_LOGGER: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
