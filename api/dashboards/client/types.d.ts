/** What the pages read of the API's answers; the schemas in /openapi.json say all of it. */

export type { RefusalCount } from '../../live/refusal-counts.ts'
export type { SystemSnapshot, TopicSnapshot } from '../../live/system-monitor.ts'
export type { DeadLetter } from '../../queries/dead-letters.ts'
export type { FlagView, RuleView } from '../../queries/flags.ts'
export type { MemberEventView } from '../../queries/member-events.ts'
export type { AccountView, MovementView, RiskView } from '../../queries/members.ts'
export type { MoneyView } from '../../queries/views.ts'
export type { TopologyDrawing } from '../../topology/drawing.ts'

import type { SystemSnapshot } from '../../live/system-monitor.ts'
import type { FlagView } from '../../queries/flags.ts'
import type { loanSummary, readExposure, readPortfolio } from '../../queries/loans.ts'
import type { AccountView, profileView, RiskView } from '../../queries/members.ts'

export type Session = {
  readonly id: string | null
  readonly role: string | null
  readonly rights: readonly string[]
  readonly seesIdentity: boolean
  readonly signInNeeded: boolean
}
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null; readonly freshness?: Freshness }
export type Freshness = { readonly streamTime: string | null }
export type LoanSummary = ReturnType<typeof loanSummary>
export type Portfolio = Awaited<ReturnType<typeof readPortfolio>>
export type Member = {
  readonly profile: ReturnType<typeof profileView>
  readonly accounts: readonly AccountView[]
  readonly risk: RiskView | null
  readonly loans: readonly LoanSummary[]
  readonly guarantees: Awaited<ReturnType<typeof readExposure>>
  readonly openFlags: readonly FlagView[]
  readonly freshness: Freshness
}
export type MemberSummary = {
  readonly memberId: string
  readonly name: string | null
  readonly phone: string | null
  readonly status: string
  readonly segment: string
  readonly branchId: string | null
  readonly riskScore: number | null
  readonly riskLevel: string | null
}
export type RiskDistribution = {
  readonly members: number
  readonly bins: readonly { readonly from: number; readonly to: number; readonly members: number }[]
}
/** What every page is given, and what it gives back. */
export type PageContext = {
  readonly root: HTMLElement
  /** What comes behind the page's name in the address. */
  readonly argument: string
  streamTime(): string | null
  go(hash: string): void
  /** Called when the page is left. */
  onLeave(undo: () => void): void
  /** A key was pressed outside of fields; true if the page took it. */
  onKey(handler: (key: string) => boolean): void
  /** One feed of metrics serves the whole page. */
  onSnapshot(handler: (snapshot: SystemSnapshot) => void): void
  readonly signal: AbortSignal
}
