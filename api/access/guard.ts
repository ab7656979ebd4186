import type { JsonSchema, SchemaComponents } from '../http/json-schema.ts'
import { ApiProblem } from '../http/problem.ts'
import type { Answer, Route } from '../http/route.ts'
import type { AccessedThing, AccessLog } from './access-log.ts'
import { maskAnswer } from './mask.ts'
import { type Asking, isAllowed, seesIdentity } from './roles.ts'
import type { SignIn } from './sign-in.ts'

/** What stands between a caller and an answer: is it allowed, what is masked, what is recorded. */
export type Guard = {
  readonly signIn: SignIn
  /** Undefined where nobody signs in: there is nobody to name. */
  readonly accessLog: AccessLog | undefined
  readonly components: SchemaComponents
}

/** The caller, or 401, or 403. */
export function admit({ signIn }: Guard, route: Route, request: Request): Asking {
  const caller = signIn.callerOf(request)
  if (isAllowed(caller, route.right)) return caller
  if (caller === undefined) {
    throw new ApiProblem('unauthenticated', 'Send `Authorization: Bearer <token>`, or sign in with POST /v1/session.')
  }
  throw new ApiProblem('forbidden', `The role ${caller.role} has not the right ${JSON.stringify(route.right)}.`)
}

/** An answer as the caller may see it, once it is recorded that it is seen. */
export async function release(guard: Guard, route: Route, caller: Asking, answer: Answer, path: PathValues) {
  if (answer.kind !== 'json') return answer
  await recordAccess(guard, route, caller, answer.body, path)
  const schema = route.answer.content['application/json']
  if (seesIdentity(caller) || route.right === 'open' || schema === undefined) return answer
  return { ...answer, body: maskAnswer(schema, answer.body, guard.components) as object }
}

export type PathValues = Readonly<Record<string, unknown>>

/** Of an answer, or of one event of a live feed. */
export async function recordAccess(
  { accessLog }: Pick<Guard, 'accessLog'>,
  { right, operation, path }: Pick<Route, 'right' | 'operation' | 'path'>,
  caller: Asking,
  body: unknown,
  values: PathValues,
): Promise<void> {
  if (accessLog === undefined || caller === undefined) return
  const things = thingsIn(right, body, values)
  if (things.length === 0) return
  const isMasked = !seesIdentity(caller)
  const action = right === 'reviews' ? 'reviewed' : 'viewed'
  await accessLog.record({ caller, action, operation, path, isMasked, things })
}

function thingsIn(right: Route['right'], body: unknown, values: PathValues): readonly AccessedThing[] {
  if (right === 'reviews') return [{ type: 'flag', id: String(values.flag) }]
  if (right !== 'members' && right !== 'stores' && right !== 'dead-letters') return []
  const members = new Set<string>()
  if (typeof values.member === 'string') members.add(values.member)
  collectMembers(body, members)
  if (right === 'stores' && typeof values.store === 'string' && members.size === 0) {
    return [{ type: 'store', id: values.store }]
  }
  return [...members].map((id) => ({ type: 'member', id }))
}

const MEMBER_FIELDS: ReadonlySet<string> = new Set(['memberId', 'member_id', 'borrowerId', 'guarantor_member_id'])
const MEMBERS_MAX = 1_000

function collectMembers(value: unknown, members: Set<string>): void {
  if (typeof value !== 'object' || value === null || members.size >= MEMBERS_MAX) return
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'object') collectMembers(member, members)
    else if (typeof member === 'string' && member !== '' && MEMBER_FIELDS.has(name)) members.add(member)
  }
}

export function maskForCaller(guard: Guard, schema: JsonSchema, caller: Asking, value: unknown): unknown {
  return seesIdentity(caller) ? value : maskAnswer(schema, value, guard.components)
}
