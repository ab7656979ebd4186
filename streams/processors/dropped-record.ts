import type { InternalProcessorContext } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'

/**
 * Every record that an operator leaves out goes through `dropRecord`: it is counted under Java's `dropped-records` with
 * the reason. The record is handed in so that it can become something else than a counter (a stream of late records)
 * without touching the operators.
 */
export type DropReason = 'null-key' | 'null-value' | 'null-key-or-value' | 'expired-window'

const MESSAGES: Readonly<Record<DropReason, string>> = {
  'null-key': 'Skipping record due to null key.',
  'null-value': 'Skipping record due to null value.',
  'null-key-or-value': 'Skipping record due to null key or value.',
  'expired-window': 'Skipping record for expired window.',
}

export function dropRecord<K, V>(
  context: InternalProcessorContext<unknown, unknown>,
  reason: DropReason,
  _record: StreamRecord<K, V>,
  details = '',
): void {
  context.droppedRecord(MESSAGES[reason] + details)
}

/** `windowText` as Java prints it: `[start,end)` or `[start,end]`. */
export type LateWindow = {
  readonly windowText: string
  readonly windowCloseMs: number
  readonly streamTimeMs: number
}

/** A record that came after its window had closed; the others of its windows may still be open. */
export function dropLateRecord<K, V>(
  context: InternalProcessorContext<unknown, unknown>,
  record: StreamRecord<K, V>,
  { windowText, windowCloseMs, streamTimeMs }: LateWindow,
): void {
  const times = `expiration=[${windowCloseMs}] streamTime=[${streamTimeMs}]`
  dropRecord(context, 'expired-window', record, ` timestamp=[${record.timestampMs}] window=${windowText} ${times}`)
}
