import { createRecordSerde, field, type RegisteredSchemas, record, recordDefinition, type TypeOf } from '#schemas'
import { serdes, sessionStore, windowStore } from '#streams'
import { STATE_NAMESPACE } from '../shared/names.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../shared/time.ts'

export const VELOCITY_TOTALS = record('VelocityTotals', 'Money of a member in a window.', [
  field('in_count', 'int', 'internal', 'Movements in.'),
  field('in_minor', 'long', 'internal', 'Their sum in minor units.'),
  field('out_count', 'int', 'internal', 'Movements out.'),
  field('out_minor', 'long', 'internal', 'Their sum in minor units.'),
])
export type VelocityTotals = TypeOf<typeof VELOCITY_TOTALS>
export const velocityTotalsDefinition = recordDefinition(STATE_NAMESPACE, VELOCITY_TOTALS)

export const NO_TOTALS: VelocityTotals = { in_count: 0, in_minor: 0, out_count: 0, out_minor: 0 }

/** Tumbling windows that are stored. The minutes are also what hopping windows are added up from. */
export const VELOCITY_WINDOWS = [
  { name: 'velocity-1m', sizeMs: MINUTE_MS, retentionMs: 8 * DAY_MS },
  { name: 'velocity-1h', sizeMs: HOUR_MS, retentionMs: 32 * DAY_MS },
  { name: 'velocity-24h', sizeMs: DAY_MS, retentionMs: 400 * DAY_MS },
] as const
export const VELOCITY_PANE_STORE = 'velocity-1m'
export const VELOCITY_SESSION_STORE = 'velocity-sessions'
/** Silence that ends a session: movements with at most so much between them are one. */
export const SESSION_GAP_MS = 30 * MINUTE_MS
export const SESSION_RETENTION_MS = 32 * DAY_MS

/** One hour, every five minutes. */
export const HOPPING_SIZE_MS = HOUR_MS
export const HOPPING_ADVANCE_MS = 5 * MINUTE_MS

export function createVelocityStores(schemas: RegisteredSchemas) {
  const value = createRecordSerde(velocityTotalsDefinition, schemas)
  return {
    windows: VELOCITY_WINDOWS.map(({ name, sizeMs, retentionMs }) =>
      windowStore({ name, key: serdes.string, value, windowSizeMs: sizeMs, retentionMs }),
    ),
    sessions: sessionStore({
      name: VELOCITY_SESSION_STORE,
      key: serdes.string,
      value,
      retentionMs: SESSION_RETENTION_MS,
    }),
  }
}
export type VelocityStores = ReturnType<typeof createVelocityStores>
