import type { MessagePort } from 'node:worker_threads'
import { AssertionError, messageOf, StreamsError } from '#streams/base'
import type {
  ErrorData,
  FetchedPartition,
  FetchResponse,
  LogCall,
  LogRequest,
  LogResponse,
  LogService,
  LogTransport,
} from './protocol.ts'

/**
 * The protocol between a worker thread and the owner's thread. Batches are transferred, never cloned: what a client
 * submits is given away, and what is fetched is copied once, out of the owner's cache, into a buffer that is given away.
 */
type CallMessage = { readonly id: number; readonly call: LogCall; readonly request: unknown }
type AnswerMessage = { readonly id: number; readonly response?: unknown; readonly error?: ErrorData }

export function createPortTransport(port: MessagePort): LogTransport {
  const waiting = new Map<number, { resolve(response: unknown): void; reject(error: unknown): void }>()
  let nextId = 0
  let closed = false
  const fail = (message: string): void => {
    closed = true
    for (const { reject } of waiting.values()) reject(new StreamsError('CLOSED', message))
    waiting.clear()
  }
  port.on('message', ({ id, response, error }: AnswerMessage) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) port.unref()
    if (error === undefined) call?.resolve(response)
    else call?.reject(errorOf(error))
  })
  port.on('close', () => fail('The owner of the log has gone; its thread or process has ended.'))
  port.unref()
  return {
    call<Call extends LogCall>(call: Call, request: LogRequest<Call>, transfer: readonly ArrayBuffer[] = []) {
      return new Promise<LogResponse<Call>>((resolve, reject) => {
        if (closed) {
          reject(new StreamsError('CLOSED', 'This client of the log is closed.'))
          return
        }
        const id = nextId++
        waiting.set(id, { resolve: resolve as (response: unknown) => void, reject })
        port.ref()
        const message: CallMessage = { id, call, request }
        port.postMessage(message, transfer as ArrayBuffer[])
      })
    },
    close() {
      fail('This client of the log is closed.')
      port.close()
    },
  }
}

/** Answers the calls that come through the port until it closes; `onClose` then releases what the client held. */
export function servePort(port: MessagePort, service: LogService, onClose: () => void): void {
  const answer = async ({ id, call, request }: CallMessage): Promise<void> => {
    try {
      const handler = service[call] as (request: unknown) => Promise<unknown>
      const response = await handler(request)
      if (call === 'fetch') postFetched(port, id, response as FetchResponse)
      else port.postMessage({ id, response } satisfies AnswerMessage)
    } catch (error) {
      port.postMessage({ id, error: errorData(error) } satisfies AnswerMessage)
    }
  }
  port.on('message', (message: CallMessage) => void answer(message))
  port.on('close', onClose)
}

function postFetched(port: MessagePort, id: number, response: FetchResponse): void {
  let length = 0
  for (const { chunks } of response.partitions) for (const { bytes } of chunks) length += bytes.length
  const buffer = Buffer.allocUnsafeSlow(length)
  let at = 0
  const partitions = response.partitions.map((partition): FetchedPartition => {
    const start = at
    const source = partition.chunks[0]?.source
    for (const { bytes } of partition.chunks) {
      buffer.set(bytes, at)
      at += bytes.length
    }
    if (partition.chunks.length === 0) return partition
    const bytes = new Uint8Array(buffer.buffer, start, at - start)
    return { ...partition, chunks: [source === undefined ? { bytes } : { bytes, source }] }
  })
  port.postMessage({ id, response: { partitions } } satisfies AnswerMessage, [buffer.buffer])
}

export function errorData(error: unknown): ErrorData {
  return { code: error instanceof StreamsError ? error.code : undefined, message: messageOf(error) }
}

export function errorOf({ code, message }: ErrorData): Error {
  return code === undefined ? new AssertionError(message) : new StreamsError(code, message)
}
