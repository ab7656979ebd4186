import type { Clock, Logger } from '#streams/ports'
import type { ApiApplication } from '../application.ts'
import { ApiProblem } from '../http/problem.ts'
import { type ChangelogTable, followStore } from './changelog-table.ts'
import { createFlagReads, type FlagNames, type FlagReads } from './flags.ts'
import { createStoreReader, type StoreReader } from './store-reader.ts'
import {
  DEFAULT_FRAUD_RULES,
  STORES,
  type StoredMember,
  type StoredRisk,
  type StoredRule,
  type StoreHandle,
} from './stored.ts'
import { textOrNull } from './views.ts'

/** What member lists and searches need of each member. */
export type DirectoryRow = {
  readonly name: string | null
  readonly phone: string | null
  readonly status: string
  readonly segment: string
  readonly branchId: string | null
  /** Lower case, what a search looks through. */
  readonly searched: string
}

/** Everything the SACCO's routes read with. Parts whose stores the application does not have are absent. */
export type SaccoContext = {
  readonly reader: StoreReader
  readonly flags: FlagReads
  readonly names: FlagNames
  readonly directory: ChangelogTable<DirectoryRow> | undefined
  readonly riskScores: ChangelogTable<number> | undefined
  /** The rules in force: those published, else those of a fresh installation. */
  rules(): Promise<readonly StoredRule[]>
  close(): Promise<void>
}

export type SaccoContextOptions = {
  readonly application: ApiApplication
  readonly applicationId: string
  readonly clock: Clock
  readonly logger: Logger
}

const RULES_MAX = 500
/** Rules change seldom; names of rules are on every flag. */
const RULES_AGE_MAX_MS = 5_000

export async function createSaccoContext(options: SaccoContextOptions): Promise<SaccoContext> {
  const { application, clock } = options
  const reader = createStoreReader(application)
  const directory = reader.has(STORES.members)
    ? await followStore<StoredMember, DirectoryRow>({ ...options, store: STORES.members.name, project: directoryRow })
    : undefined
  const riskScores = reader.has(STORES.riskScores)
    ? await followStore<StoredRisk, number>({
        ...options,
        store: STORES.riskScores.name,
        project: ({ score }) => score,
      })
    : undefined

  let rulesReadMs = Number.NEGATIVE_INFINITY
  let rulesRead: readonly StoredRule[] = DEFAULT_FRAUD_RULES
  const rules = async (): Promise<readonly StoredRule[]> => {
    if (!reader.has(STORES.fraudRules) || clock.monotonicMs() - rulesReadMs < RULES_AGE_MAX_MS) return rulesRead
    const { value } = await reader.page({ store: STORES.fraudRules.name, limit: RULES_MAX })
    const published = value.map((entry) => (entry.value as { readonly data: StoredRule }).data)
    // What a fresh installation starts with holds until somebody publishes a version of it.
    const byId = new Map([...DEFAULT_FRAUD_RULES, ...published].map((rule) => [String(rule.rule_id), rule]))
    rulesRead = [...byId.values()]
    rulesReadMs = clock.monotonicMs()
    return rulesRead
  }
  const names: FlagNames = {
    memberName: (memberId) => directory?.rows.get(memberId)?.name ?? null,
    ruleName: (ruleId) => rulesRead.find(({ rule_id }) => rule_id === ruleId)?.name,
  }
  return {
    reader,
    names,
    flags: createFlagReads(reader, names),
    directory,
    riskScores,
    rules,
    close: async () => {
      await Promise.all([directory?.close(), riskScores?.close()])
    },
  }
}

function directoryRow(member: StoredMember): DirectoryRow {
  const { member_id, full_name, phone, email, status, segment, branch_id } = member
  return {
    name: textOrNull(full_name),
    phone: textOrNull(phone),
    status,
    segment,
    branchId: textOrNull(branch_id),
    searched: `${member_id} ${full_name} ${phone} ${email}`.toLowerCase(),
  }
}

/** 501 where the application has no such store: another application runs, or a part of it is not deployed. */
export function need(reader: StoreReader, ...stores: readonly StoreHandle[]): void {
  const missing = stores.find((store) => !reader.has(store))?.name
  if (missing !== undefined) {
    throw new ApiProblem('not-offered', `The application that runs here has no store ${JSON.stringify(missing)}.`)
  }
}
