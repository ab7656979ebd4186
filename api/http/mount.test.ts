import type { Hono } from 'hono'
import { expect, test } from 'vitest'
import { StreamsError } from '#streams/base'
import type { Logger } from '#streams/ports'
import { NO_SIGN_IN } from '../access/sign-in.ts'
import type { ApiApplication } from '../application.ts'
import { mountRoutes, newRouter } from './mount.ts'
import { json, type Route, route } from './route.ts'

const plain = {
  right: 'open',
  tag: 't',
  summary: 's',
  pathParameters: {},
  queryParameters: {},
  answer: { description: '', content: {} },
} as const
const fails = (path: string, error: unknown): Route =>
  route({
    ...plain,
    path,
    operation: path,
    handle: () => {
      throw error
    },
  })

function create(state: ApiApplication['state']) {
  const logged: string[] = []
  const logger = { error: (message: string) => logged.push(message) } as unknown as Logger
  const app = newRouter(logger)
  const routes = [
    route({ ...plain, path: '/data', operation: 'data', handle: () => json({ fine: true }) }),
    route({ ...plain, path: '/health', operation: 'health', answersAlways: true, handle: () => json({ state }) }),
    fails('/bug', new Error('secret detail at /home/me')),
    fails('/moving', new StreamsError('STATE_UNAVAILABLE', 'task 0_1 is restoring')),
    fails('/stopping', new StreamsError('CLOSED', 'gone')),
  ]
  const guard = { signIn: NO_SIGN_IN, accessLog: undefined, components: {} }
  mountRoutes(app, routes, { application: { state } as ApiApplication, logger, guard, monotonicMs: () => 0 })
  return { app: app as Hono, logged }
}

test.each([
  ['starting', 503],
  ['restoring', 503],
  ['running', 200],
  ['stopping', 503],
  ['failed', 503],
] as const)('an application that is %s answers queries with %i, and health always', async (state, status) => {
  const { app } = create(state)
  const response = await app.request('/data')
  expect(response.status).toBe(status)
  if (status === 503) expect(response.headers.get('retry-after')).toBe('2')
  expect((await app.request('/health')).status).toBe(200)
})

test.each([
  ['/moving', 503, 'urn:mto:problem:restoring'],
  ['/stopping', 503, 'urn:mto:problem:unavailable'],
  ['/bug', 500, 'urn:mto:problem:internal'],
])('an error at %s is a problem with status %i', async (path, status, type) => {
  const { app, logged } = create('running')
  const response = await app.request(path)
  const text = await response.text()
  expect([response.status, JSON.parse(text).type]).toEqual([status, type])
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  // Details of what nobody expected go to the log, never to the caller.
  expect(text).not.toContain('secret')
  expect(logged).toHaveLength(status === 500 ? 1 : 0)
})
