/**
 * Who may do what. Four roles, because there are four kinds of people: those who look into fraud, those who measure
 * risk, those who keep the platform running, and whoever answers for access. Everything else follows from the table.
 */
export const ROLES = ['analyst', 'risk', 'engineer', 'admin'] as const
export type Role = (typeof ROLES)[number]

/**
 * - `open`: anybody, without signing in (health checks).
 * - `platform`: figures about everything: system, topology, metrics, portfolio, rules.
 * - `members`: one member's data: profile, money, risk, loans, events, flags.
 * - `reviews`: taking, closing and annotating flags.
 * - `dead-letters`: what was refused.
 * - `stores`: any state store.
 * - `access-log`: who saw whose data.
 */
export const RIGHTS = ['open', 'platform', 'members', 'reviews', 'dead-letters', 'stores', 'access-log'] as const
export type Right = (typeof RIGHTS)[number]

type Grant = {
  readonly rights: readonly Right[]
  /** False: what identifies a person, or tells how to reach one, is masked. */
  readonly seesIdentity: boolean
}

export const GRANTS: Readonly<Record<Role, Grant>> = {
  analyst: { rights: ['open', 'platform', 'members', 'reviews', 'dead-letters'], seesIdentity: true },
  risk: { rights: ['open', 'platform', 'members', 'dead-letters'], seesIdentity: false },
  engineer: { rights: ['open', 'platform', 'dead-letters', 'stores'], seesIdentity: false },
  admin: { rights: RIGHTS, seesIdentity: true },
}

/** Whoever asks. Without sign-in (a server that only this machine reaches) nobody is known by name, and may do all. */
export type Caller = { readonly id: string | null; readonly role: Role }
export const LOCAL_CALLER: Caller = { id: null, role: 'admin' }
/** Before anybody has signed in. */
export type Asking = Caller | undefined

export function isAllowed(caller: Asking, right: Right): boolean {
  return right === 'open' || (caller !== undefined && GRANTS[caller.role].rights.includes(right))
}

export function seesIdentity(caller: Asking): boolean {
  return caller !== undefined && GRANTS[caller.role].seesIdentity
}
