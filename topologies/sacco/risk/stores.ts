import { createRecordSerde, field, list, type RegisteredSchemas, record, recordDefinition, type TypeOf } from '#schemas'
import { keyValueStore, serdes } from '#streams'
import { STATE_NAMESPACE } from '../shared/names.ts'

export const RISK_STATE = record('RiskState', 'The risk score of a member with what it was made from.', [
  field('score', 'int', 'pii', '0 to 1000.'),
  field('model', 'string', 'internal', 'Name of the score card.'),
  field('model_version', 'int', 'internal', 'Its version.'),
  list(
    'reasons',
    record('RiskStateReason', 'A reason.', [
      field('code', 'string', 'internal', 'Reason code.'),
      field('points', 'int', 'internal', 'Points.'),
      list(
        'values',
        record('RiskStateValue', 'A value behind it.', [
          field('name', 'string', 'internal', 'Name.'),
          field('value', 'long', 'internal', 'Value.'),
          field('unit', 'string', 'internal', 'Unit.'),
        ]),
        'internal',
        'Values.',
      ),
    ]),
    'pii',
    'The heaviest first.',
  ),
  field('caused_by_event_id', 'string', 'internal', 'The event that changed it; empty if time did.'),
  field('calculated_ms', 'long', 'internal', 'When.'),
])
export type RiskState = TypeOf<typeof RISK_STATE>
export const riskStateDefinition = recordDefinition(STATE_NAMESPACE, RISK_STATE)

export function createRiskStores(schemas: RegisteredSchemas) {
  return {
    /** Member id → score with reasons. */
    scores: keyValueStore({
      name: 'risk-scores',
      key: serdes.string,
      value: createRecordSerde(riskStateDefinition, schemas),
    }),
  }
}
export type RiskStores = ReturnType<typeof createRiskStores>
