import type { EventOf } from '#schemas'
import type { Checks } from './differences.ts'

export type JournalEvent = EventOf<'journal.posted'>

/** All postings of the platform, added up: per currency, per account of a member, per account of the SACCO. */
export type JournalBook = {
  add(journal: JournalEvent, at: string): void
  readonly count: number
  readonly postings: number
  readonly byCurrency: ReadonlyMap<string, { debitsMinor: number; creditsMinor: number }>
  readonly members: ReadonlyMap<string, { balanceMinor: number; postings: number }>
  readonly ledger: ReadonlyMap<string, { balanceMinor: number; postings: number }>
  /** Source events of the journals. */
  readonly sources: ReadonlyMap<string, string>
}

export const JOURNALS_CHECK = 'each journal balances'
export const JOURNAL_IDS_CHECK = 'no journal twice'

export function createJournalBook(checks: Checks): JournalBook {
  const byCurrency = new Map<string, { debitsMinor: number; creditsMinor: number }>()
  const members = new Map<string, { balanceMinor: number; postings: number }>()
  const ledger = new Map<string, { balanceMinor: number; postings: number }>()
  const sources = new Map<string, string>()
  const ids = new Map<string, string>()
  let count = 0
  let postings = 0
  checks.declare(JOURNALS_CHECK)
  checks.declare(JOURNAL_IDS_CHECK)

  const addTo = (accounts: typeof members, id: string, amountMinor: number): void => {
    const account = accounts.get(id) ?? { balanceMinor: 0, postings: 0 }
    account.balanceMinor += amountMinor
    account.postings++
    accounts.set(id, account)
  }
  return {
    add({ data }, at) {
      count++
      const before = ids.get(data.journal_id)
      ids.set(data.journal_id, at)
      checks.compare(
        JOURNAL_IDS_CHECK,
        before === undefined ? undefined : `journal ${data.journal_id} is at ${before} and again at ${at}`,
      )
      if (data.source_event_id !== null) sources.set(data.source_event_id, at)
      const totals = byCurrency.get(data.currency) ?? { debitsMinor: 0, creditsMinor: 0 }
      byCurrency.set(data.currency, totals)
      let sumMinor = 0
      for (const { account_id, account_class, side, amount_minor } of data.lines) {
        const amountMinor = side === 'debit' ? -amount_minor : amount_minor
        sumMinor += amountMinor
        postings++
        if (side === 'debit') totals.debitsMinor += amount_minor
        else totals.creditsMinor += amount_minor
        addTo(account_class === 'member' ? members : ledger, account_id, amountMinor)
      }
      checks.compare(
        JOURNALS_CHECK,
        sumMinor === 0 ? undefined : `journal ${data.journal_id} at ${at} is out of balance by ${sumMinor}`,
      )
    },
    get count() {
      return count
    },
    get postings() {
      return postings
    },
    byCurrency,
    members,
    ledger,
    sources,
  }
}
