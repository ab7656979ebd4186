import type { InternalProcessorContext } from '../topology/processor.ts'
import type { StreamRecord } from '../topology/record.ts'

/** Reasons for which only joins leave records out, as Java words them. The common ones are in `dropped-record.ts`. */
export type JoinDropReason = 'null-join-key-or-value' | 'null-foreign-key' | 'out-of-order-version' | 'stale-response'

const MESSAGES: Readonly<Record<JoinDropReason, string>> = {
  'null-join-key-or-value': 'Skipping record due to null join key or value.',
  'null-foreign-key': 'Skipping record due to null foreign key.',
  'out-of-order-version': 'Skipping out-of-order record from versioned table while performing table-table join.',
  'stale-response': 'Dropping FK-join response due to hash mismatch.',
}

export function dropJoinRecord<K, V>(
  context: InternalProcessorContext<never, never>,
  reason: JoinDropReason,
  _record: StreamRecord<K, V>,
): void {
  context.droppedRecord(MESSAGES[reason])
}
