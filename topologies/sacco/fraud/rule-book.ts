import type { FraudRuleEvent } from '#schemas'
import type { KeyValueStore, ProcessorSupplier } from '#streams'
import { DAY_MS } from '../shared/time.ts'
import { DEFAULT_FRAUD_RULES } from './default-rules.ts'
import { RULE_KINDS } from './kinds.ts'
import type { CompiledRule, FraudRule } from './rule.ts'
import type { FraudStores } from './stores.ts'

/** The rules that count now, by kind; every task of a thread reads it, the global table fills it. */
export type RuleBook = {
  /** Raised with every change. */
  readonly generation: number
  rulesOfKind(kind: string): readonly CompiledRule[]
  all(): readonly CompiledRule[]
  /** Takes a version of a rule if it is sound and not older than the one it has. Says why not. */
  offer(rule: FraudRule): string | undefined
  /** The topic says that the rule is gone: back to the default, if there is one. */
  withdraw(ruleId: string): void
}

const NO_RULES: readonly CompiledRule[] = []

export function createRuleBook(defaults: readonly FraudRule[] = DEFAULT_FRAUD_RULES): RuleBook {
  const rules = new Map<string, FraudRule>()
  let byKind = new Map<string, CompiledRule[]>()
  let generation = 0
  const rebuild = (): void => {
    generation++
    byKind = new Map()
    for (const rule of rules.values()) {
      if (rule.status !== 'live' && rule.status !== 'shadow') continue
      const list = byKind.get(rule.kind) ?? []
      list.push(compileRule(rule))
      byKind.set(rule.kind, list)
    }
  }
  for (const rule of defaults) rules.set(rule.rule_id, rule)
  rebuild()
  return {
    get generation() {
      return generation
    },
    rulesOfKind: (kind) => byKind.get(kind) ?? NO_RULES,
    all: () => [...byKind.values()].flat(),
    offer(rule) {
      const problem = problemOfRule(rule)
      if (problem !== undefined) return problem
      const known = rules.get(rule.rule_id)
      if (known !== undefined && known.rule_version > rule.rule_version) {
        return `version ${rule.rule_version} is older than version ${known.rule_version}`
      }
      rules.set(rule.rule_id, rule)
      rebuild()
      return undefined
    },
    withdraw(ruleId) {
      const initial = defaults.find((rule) => rule.rule_id === ruleId)
      if (initial === undefined) rules.delete(ruleId)
      else rules.set(ruleId, initial)
      rebuild()
    },
  }
}

const QUIET_DEFAULT_MS = DAY_MS

function compileRule(data: FraudRule): CompiledRule {
  const params = Object.fromEntries(data.params.map(({ name, value }) => [name, value]))
  return {
    data,
    isShadow: data.status === 'shadow',
    fromMs: Date.parse(data.effective_from),
    toMs: data.effective_to === null ? Number.POSITIVE_INFINITY : Date.parse(data.effective_to),
    params,
    lists: Object.fromEntries(data.lists.map(({ name, values }) => [name, values])),
    quietMs: params.quiet_ms ?? Math.max(params.window_ms ?? 0, QUIET_DEFAULT_MS),
  }
}

/** Why a rule must not run; undefined if it may. What the API and the CLI ask before they publish one. */
export function problemOfRule(rule: FraudRule): string | undefined {
  // Own: `constructor` is no kind.
  const required = Object.hasOwn(RULE_KINDS, rule.kind) ? RULE_KINDS[rule.kind] : undefined
  if (required === undefined) {
    return `kind ${rule.kind} is not one of ${Object.keys(RULE_KINDS).join(', ')}`
  }
  const names = new Set(rule.params.map(({ name }) => name))
  const missing = required.filter((name) => !names.has(name))
  if (missing.length > 0) return `kind ${rule.kind} needs the parameters ${missing.join(', ')}`
  if (names.size < rule.params.length) return 'a parameter is given twice'
  for (const { name, value } of rule.params) {
    const problem = problemOfParam(name, value)
    if (problem !== undefined) return problem
  }
  if (!isWhole(rule.rule_version, 1, VERSION_MAX)) return `version ${rule.rule_version} is not 1 or above`
  if (!isWhole(rule.score, 0, 1000)) return `score ${rule.score} is not between 0 and 1000`
  if (Number.isNaN(Date.parse(rule.effective_from))) return 'effective_from is no time'
  if (rule.effective_to !== null && Number.isNaN(Date.parse(rule.effective_to))) return 'effective_to is no time'
  if (rule.status === 'live' && (rule.checker_id === null || rule.checker_id === rule.maker_id)) {
    return 'a live rule needs the approval of a second person'
  }
  return undefined
}

const VERSION_MAX = 0x7fff_ffff
/** Longer than anything is remembered; beyond it, times before 1970 would come to their own end. */
const DURATION_MAX_MS = 100 * 366 * DAY_MS
const HOURS_PER_DAY = 24
/** Of nothing there is no evidence: a rule that asks for none of these would raise flags about what never happened. */
const AT_LEAST_ONE: ReadonlySet<string> = new Set(['count', 'members', 'uses'])

const isWhole = (value: number, minimum: number, maximum: number): boolean =>
  Number.isSafeInteger(value) && value >= minimum && value <= maximum

function problemOfParam(name: string, value: number): string | undefined {
  if (value < 0) return `parameter ${name} is ${value}, below zero`
  if (!Number.isSafeInteger(value)) return `parameter ${name} is ${value}, no whole number`
  if (value < 1 && AT_LEAST_ONE.has(name)) return `parameter ${name} is ${value}, at least 1 is needed`
  if (name.endsWith('_ms') && value > DURATION_MAX_MS) return `parameter ${name} is ${value} ms, more than 100 years`
  if (name.endsWith('_hour') && value > HOURS_PER_DAY) return `parameter ${name} is ${value}, no hour of a day`
  return undefined
}

/** Fills the book from the global table: what is stored at start, then each change as it comes. */
export function keepRuleBook(
  stores: FraudStores,
  book: RuleBook,
): ProcessorSupplier<string | null, FraudRuleEvent | null, never, never> {
  return {
    get: () => {
      let store: KeyValueStore<string, FraudRuleEvent>
      let warn: (message: string, fields: Readonly<Record<string, string>>) => void
      return {
        init: (context) => {
          store = context.storeByName(stores.rules.name)
          warn = (message, fields) => context.logger.warn(message, fields)
          for (const { key, value } of store.all()) {
            const problem = book.offer(value.data)
            if (problem !== undefined) warn(`Stored fraud rule refused: ${problem}`, { rule: key })
          }
        },
        process: ({ key, value }) => {
          if (key === null) return
          if (value === null) {
            store.put(key, null)
            book.withdraw(key)
            return
          }
          const problem = book.offer(value.data)
          if (problem === undefined) store.put(key, value)
          else warn(`Fraud rule refused, the version before stays: ${problem}`, { rule: key })
        },
      }
    },
  }
}
