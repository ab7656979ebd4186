import type { EventOf } from '#schemas'
import type { KeyValueStore } from '#streams'
import { isoOf, timeKey } from '../shared/time.ts'
import { EVIDENCE_MAX, hashOf } from './memory.ts'
import type { CompiledRule, Finding } from './rule.ts'

export type FraudFlag = EventOf<'fraud.detected'>
export const FRAUD_SOURCE = 'mto-fraud'

/**
 * Begins with its time, so that a range over ids is a range over time; the rest follows from rule, member and evidence,
 * so that the same finding has the same id.
 */
export function flagIdOf(rule: CompiledRule, subjectId: string, finding: Finding): string {
  const last = finding.evidence.at(-1)?.eventId ?? ''
  const hash = (hashOf(`${subjectId}|${finding.subject ?? ''}|${last}`) >>> 0).toString(16).padStart(8, '0')
  return `${timeKey(finding.toMs)}-${rule.data.rule_id}-${hash}`
}

/** What a flag is about; the member is the one concerned, where there is one. */
export type FlagSubject = {
  readonly kind: FraudFlag['data']['subject_kind']
  readonly id: string
  readonly memberId: string | null
}

export function flagOf(rule: CompiledRule, subject: FlagSubject, finding: Finding, timeMs: number): FraudFlag {
  type Data = FraudFlag['data']
  const flagId = flagIdOf(rule, subject.id, finding)
  const { data } = rule
  const evidence = finding.evidence.slice(-EVIDENCE_MAX).map((item) => ({
    event_id: item.eventId as Data['evidence'][number]['event_id'],
    event_type: item.eventType,
    timestamp: isoOf(item.timeMs),
    amount_minor: item.amountMinor,
  }))
  return {
    event_id: flagId as unknown as FraudFlag['event_id'],
    event_type: 'fraud.detected',
    timestamp: isoOf(timeMs),
    version: '1.0',
    data: {
      flag_id: flagId as Data['flag_id'],
      subject_kind: subject.kind,
      subject_id: subject.id,
      member_id: subject.memberId as Data['member_id'],
      rule_id: data.rule_id,
      rule_version: data.rule_version,
      severity: data.severity,
      outcome: data.outcome,
      score: data.score,
      account_id: (finding.accountId ?? null) as Data['account_id'],
      loan_id: (finding.loanId ?? null) as Data['loan_id'],
      staff_id: (finding.staffId ?? null) as Data['staff_id'],
      agent_id: (finding.agentId ?? null) as Data['agent_id'],
      device_id: (finding.deviceId ?? null) as Data['device_id'],
      reason: finding.reason,
      evidence,
      evidence_count: finding.evidence.length,
      values: finding.values,
      window_start: isoOf(finding.fromMs),
      window_end: isoOf(finding.toMs),
      detected_at: isoOf(timeMs),
    },
    metadata: { source: FRAUD_SOURCE, correlation_id: null, user_id: null },
  }
}

export function isInForce(rule: CompiledRule, timeMs: number): boolean {
  return timeMs >= rule.fromMs && timeMs < rule.toMs
}

export function countHit(hits: KeyValueStore<string, number>, rule: CompiledRule): void {
  const key = `${rule.data.rule_id}|${rule.data.rule_version}|${rule.isShadow ? 'shadow' : 'live'}`
  hits.put(key, (hits.get(key) ?? 0) + 1)
}
