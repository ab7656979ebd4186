import {
  type KeyValueStore,
  NO_HEADERS,
  type ProcessorContext,
  type ProcessorSupplier,
  type StreamRecord,
  type WindowStore,
} from '#streams'
import { SEEN_BUCKET_MS } from '../shared/limits.ts'
import type { EntitySignal } from '../shared/signals.ts'
import { ENTITY_EVALUATORS, evaluateReceipt, nameOfEntity } from './entity-rules.ts'
import { countHit, type FlagSubject, type FraudFlag, flagOf, isInForce } from './flags.ts'
import { appended } from './memory.ts'
import type { CompiledRule, Finding } from './rule.ts'
import type { RuleBook } from './rule-book.ts'
import { type EntityState, type FraudStores, RAISED_MAX, type ReceiptUse, SIGHTINGS_MAX } from './stores.ts'

const RECEIPT_PREFIX = 'receipt:'
const STAFF_PREFIX = 'staff:'
const DEVICE_PREFIX = 'device:'
const NOTHING: EntityState = { sightings: [], raised: [] }

/** Rules about what members have in common, in the task of that thing. Emits flags. */
export function watchEntities(
  stores: FraudStores,
  rules: RuleBook,
): ProcessorSupplier<string, EntitySignal, string, FraudFlag> {
  return {
    stores: [stores.entities, stores.receipts, stores.entityHits],
    get: () => new EntityWatcher(stores, rules),
  }
}

class EntityWatcher {
  readonly #stores: FraudStores
  readonly #rules: RuleBook
  #context!: ProcessorContext<string, FraudFlag>
  #entities!: KeyValueStore<string, EntityState>
  #receipts!: WindowStore<string, ReceiptUse>
  #hits!: KeyValueStore<string, number>

  constructor(stores: FraudStores, rules: RuleBook) {
    this.#stores = stores
    this.#rules = rules
  }

  init(context: ProcessorContext<string, FraudFlag>): void {
    this.#context = context
    this.#entities = context.store(this.#stores.entities)
    this.#receipts = context.store(this.#stores.receipts)
    this.#hits = context.store(this.#stores.entityHits)
  }

  process({ key: entity, value: signal, timestampMs }: StreamRecord<string, EntitySignal>): void {
    if (signal.kind === 'receipt_used') this.#useReceipt(entity.slice(RECEIPT_PREFIX.length), signal, timestampMs)
    else this.#see(entity, signal, timestampMs)
  }

  #useReceipt(receipt: string, signal: EntitySignal, timeMs: number): void {
    const bucketMs = Math.floor(timeMs / SEEN_BUCKET_MS) * SEEN_BUCKET_MS
    const known = this.#receipts.fetch(receipt, bucketMs) ?? this.#receipts.fetch(receipt, bucketMs - SEEN_BUCKET_MS)
    const { event_id, event_type, member_id } = signal
    if (known?.event_id === event_id) return
    const use: ReceiptUse =
      known === undefined
        ? { event_id, event_type, member_id, time_ms: timeMs, uses: 1 }
        : { ...known, uses: known.uses + 1 }
    this.#receipts.put(receipt, use, bucketMs)
    if (use.uses === 1) return
    for (const rule of this.#rules.rulesOfKind('receipt-replay')) {
      const finding = isInForce(rule, timeMs) ? evaluateReceipt(use, receipt, signal, timeMs, rule) : undefined
      if (finding !== undefined) this.#raise(rule, memberSubject(signal), finding, timeMs)
    }
  }

  #see(entity: string, signal: EntitySignal, timeMs: number): void {
    const before = this.#entities.get(entity) ?? NOTHING
    const sightings = withSighting(before.sightings, signal, timeMs)
    let raised = before.raised
    const input = { entity, timeMs, signal, sightings }
    for (const { kind, on, evaluate } of ENTITY_EVALUATORS) {
      if (!on.includes(signal.kind)) continue
      for (const rule of this.#rules.rulesOfKind(kind)) {
        const { rule_id } = rule.data
        const isRepeat = raised.some(
          (each) => each.rule_id === rule_id && Math.abs(timeMs - each.time_ms) < rule.quietMs,
        )
        if (isRepeat || !isInForce(rule, timeMs)) continue
        const finding = evaluate(input, rule)
        if (finding === undefined) continue
        raised = appended(raised, { rule_id, time_ms: timeMs }, RAISED_MAX)
        this.#raise(rule, subjectOf(entity, signal), { ...finding, ...about(entity) }, timeMs)
      }
    }
    this.#entities.put(entity, { sightings, raised })
  }

  #raise(rule: CompiledRule, subject: FlagSubject, finding: Finding, timeMs: number): void {
    countHit(this.#hits, rule)
    if (rule.isShadow) return
    const value = flagOf(rule, subject, finding, timeMs)
    this.#context.forward({ key: subject.id, value, timestampMs: timeMs, headers: NO_HEADERS })
  }
}

const memberSubject = ({ member_id }: EntitySignal): FlagSubject => ({
  kind: 'member',
  id: member_id,
  memberId: member_id,
})

/** Staff and devices are subjects of their own; what is found by a phone number is about the member concerned. */
function subjectOf(entity: string, signal: EntitySignal): FlagSubject {
  const name = nameOfEntity(entity)
  if (entity.startsWith(STAFF_PREFIX)) return { kind: 'staff', id: name, memberId: null }
  if (entity.startsWith(DEVICE_PREFIX)) return { kind: 'device', id: name, memberId: signal.member_id }
  return memberSubject(signal)
}

function about(entity: string): Pick<Finding, 'subject' | 'staffId' | 'deviceId'> {
  const name = nameOfEntity(entity)
  if (entity.startsWith(STAFF_PREFIX)) return { subject: entity, staffId: name }
  if (entity.startsWith(DEVICE_PREFIX)) return { subject: entity, deviceId: name }
  return { subject: entity }
}

function withSighting(
  sightings: EntityState['sightings'],
  signal: EntitySignal,
  timeMs: number,
): EntityState['sightings'] {
  const { event_id, kind, event_type, member_id, amount_minor } = signal
  const sighting = { time_ms: timeMs, event_id, kind, event_type, member_id, amount_minor }
  const next = [...sightings, sighting]
  for (let i = next.length - 1; i > 0; i--) {
    const earlier = next[i - 1] as (typeof next)[number]
    if (earlier.time_ms <= timeMs) break
    next[i] = earlier
    next[i - 1] = sighting
  }
  return next.slice(-SIGHTINGS_MAX)
}
