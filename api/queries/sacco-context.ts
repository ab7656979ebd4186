import { StreamsError } from '#streams/base'
import type { Clock, Logger } from '#streams/ports'
import type { ApiApplication } from '../application.ts'
import { ApiProblem } from '../http/problem.ts'
import { type ChangelogTable, followStore } from './changelog-table.ts'
import { createFlagReads, type FlagNames, type FlagReads } from './flags.ts'
import { createStoreReader, type StoreReader } from './store-reader.ts'
import { STORES, type StoredMember, type StoredRisk, type StoredRule } from './stored.ts'
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
  /** Members with flags that nobody has closed → how many. */
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
    ? await followStore<StoredMember, DirectoryRow>({ ...options, store: STORES.members, project: directoryRow })
    : undefined
  const riskScores = reader.has(STORES.risk)
    ? await followStore<StoredRisk, number>({ ...options, store: STORES.risk, project: ({ score }) => score })
    : undefined

  let ruleNames = new Map<string, string>()
  let rulesReadMs = Number.NEGATIVE_INFINITY
  let rulesRead: readonly StoredRule[] = []
  const rules = async (): Promise<readonly StoredRule[]> => {
    if (!reader.has(STORES.rules) || clock.monotonicMs() - rulesReadMs < RULES_AGE_MAX_MS) return rulesRead
    const { value } = await reader.page({ store: STORES.rules, limit: RULES_MAX })
    rulesRead = value.map((entry) => entry.value as StoredRule)
    ruleNames = new Map(rulesRead.map(({ data }) => [data.rule_id, data.name]))
    rulesReadMs = clock.monotonicMs()
    return rulesRead
  }
  const names: FlagNames = {
    memberName: (memberId) => directory?.rows.get(memberId)?.name ?? null,
    ruleName: (ruleId) => ruleNames.get(ruleId),
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
export function need(reader: StoreReader, ...stores: readonly string[]): void {
  const missing = stores.find((store) => !reader.has(store))
  if (missing !== undefined) {
    throw new ApiProblem('not-offered', `The application that runs here has no store ${JSON.stringify(missing)}.`)
  }
}

export function isStopped(error: unknown): boolean {
  return error instanceof StreamsError && error.code === 'CLOSED'
}
