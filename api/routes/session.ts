import { GRANTS, RIGHTS, ROLES } from '../access/roles.ts'
import type { SignIn } from '../access/sign-in.ts'
import { TOKEN_LENGTH_MAX } from '../access/tokens.ts'
import { array, boolean, nullable, object, oneOf, string } from '../http/json-schema.ts'
import { ApiProblem } from '../http/problem.ts'
import { json, type Route, route } from '../http/route.ts'

export const SESSION_SCHEMAS = {
  Session: object({
    id: nullable(string(), 'Who has signed in; null where nobody has to, or nobody has.'),
    role: nullable(oneOf(ROLES)),
    rights: array(oneOf(RIGHTS)),
    seesIdentity: boolean('False: what identifies people is masked.'),
    signInNeeded: boolean('False: this server is for this machine only, and asks nobody.'),
  }),
}

const content = { 'application/json': { $ref: '#/components/schemas/Session' } } as const
const parts = { right: 'open', tag: 'Access', pathParameters: {}, queryParameters: {}, answersAlways: true } as const

/** Signing in, for browsers: scripts send their token with each request. */
export function sessionRoutes(signIn: SignIn): readonly Route[] {
  const sessionOf = (caller: ReturnType<SignIn['callerOf']>) => ({
    id: caller?.id ?? null,
    role: caller?.role ?? null,
    rights: caller === undefined ? ['open'] : GRANTS[caller.role].rights,
    seesIdentity: caller !== undefined && GRANTS[caller.role].seesIdentity,
    signInNeeded: signIn.isNeeded,
  })
  return [
    route({
      ...parts,
      path: '/v1/session',
      operation: 'readSession',
      summary: 'Who has signed in, and what they may do',
      answer: { description: 'The session.', content },
      handle: ({ caller }) => json(sessionOf(caller)),
    }),
    route({
      ...parts,
      method: 'post',
      path: '/v1/session',
      operation: 'signIn',
      summary: 'Signs in with a token: sets a cookie for twelve hours',
      body: object({ token: { type: 'string', minLength: 1, maxLength: TOKEN_LENGTH_MAX } }),
      answer: { description: 'The session.', content },
      handle: ({ request, body }) => {
        const opened = signIn.open((body as { readonly token: string }).token, request)
        if (opened === undefined) throw new ApiProblem('unauthenticated', 'This token is nobody’s, or has expired.')
        return { kind: 'json', body: sessionOf(opened.caller), headers: { 'set-cookie': opened.cookie } }
      },
    }),
    route({
      ...parts,
      method: 'delete',
      path: '/v1/session',
      operation: 'signOut',
      summary: 'Signs out',
      answer: { description: 'No session.', content },
      handle: ({ request }) => {
        const cookie = signIn.close(request)
        return { kind: 'json', body: sessionOf(undefined), headers: { 'set-cookie': cookie } }
      },
    }),
  ]
}
