import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Endpoint } from '#connectors/kafka'
import { StreamsError, type TaskId } from '#streams/base'
import type { QueryAnswer, StandbyBound, StoreQuery } from '#streams/query'
import { decodeWire, encodeWire, failureOf, type WireFailure } from './query-wire.ts'

/** What one process knows of a question: answers of its own tasks, and the tasks that would have to be asked elsewhere. */
export type PartialAnswer = { readonly answer: QueryAnswer; readonly missing: readonly TaskId[] }

/** With `standby`, standbys are asked instead of those that run the tasks. */
export type WireQuestion = { readonly query: StoreQuery; readonly standby?: StandbyBound }

type WireAnswer =
  | { readonly answer: PartialAnswer; readonly failure?: never }
  | { readonly failure: WireFailure; readonly answer?: never }

const PATH = '/mto/query'
const QUESTION_BYTES_MAX = 1024 * 1024
const ANSWER_MS_MAX = 5_000

export type QueryEndpoint = { close(): Promise<void> }

/**
 * Answers the questions of the application's other processes. It asks nobody in turn, so that no question runs in
 * circles. For the network of the application only: who reaches it may read every store.
 */
export async function openQueryEndpoint(
  { host, port }: Endpoint,
  ask: (question: WireQuestion) => Promise<PartialAnswer>,
): Promise<QueryEndpoint> {
  const server = createServer((request, response) => {
    respond(request, response, ask).catch((error: unknown) => {
      response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  }).catch((error: unknown) => {
    throw new StreamsError('CONFIG_INVALID', `queries cannot be answered on ${host}:${port}: ${String(error)}`, {
      cause: error,
    })
  })
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  ask: (question: WireQuestion) => Promise<PartialAnswer>,
): Promise<void> {
  if (request.method !== 'POST' || request.url !== PATH) {
    response.writeHead(404).end()
    return
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > QUESTION_BYTES_MAX) {
      response.writeHead(413).end()
      return
    }
    chunks.push(chunk as Buffer)
  }
  const question = decodeWire(Buffer.concat(chunks).toString('utf8'))
  if (!isQuestion(question)) throw new Error('the body is no question: { query: { store, kind, … } }')
  const answer: WireAnswer = await ask(question).then(
    (found) => ({ answer: found }),
    (error: unknown) => ({ failure: failureOf(error) }),
  )
  // Before the head: what cannot be written must still become a 400.
  const text = encodeWire(answer)
  response.writeHead(200, { 'content-type': 'application/json' }).end(text)
}

function isQuestion(value: unknown): value is WireQuestion {
  const { query } = (value ?? {}) as Partial<WireQuestion>
  return (
    typeof query === 'object' && query !== null && typeof query.store === 'string' && typeof query.kind === 'string'
  )
}

function isAnswer(value: unknown): value is QueryAnswer {
  const { entries, freshness } = (value ?? {}) as Partial<QueryAnswer>
  return [entries, freshness].every((list) => Array.isArray(list) && list.every((each) => isObject(each)))
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Undefined if that process does not answer: its tasks may be on their way to another one. */
export async function askEndpoint({ host, port }: Endpoint, question: WireQuestion): Promise<QueryAnswer | undefined> {
  try {
    const response = await fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}${PATH}`, {
      method: 'POST',
      body: encodeWire(question),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    if (!response.ok) return undefined
    const { answer } = decodeWire(await response.text()) as WireAnswer
    // What is no answer counts as none: its tasks are then asked elsewhere, or missing.
    return isAnswer(answer?.answer) ? answer.answer : undefined
  } catch {
    return undefined
  }
}
