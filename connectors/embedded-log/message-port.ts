import type { MessagePort } from 'node:worker_threads'
import { AssertionError, messageOf, StreamsError } from '#streams/base'
import type {
  ErrorData,
  FetchedChunk,
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
type AnswerMessage = {
  readonly id: number
  readonly response?: unknown
  readonly fetched?: PackedFetch
  readonly error?: ErrorData
}

/** The answer to a fetch, packed: crossing to another thread costs by the object, not by the byte. */
type PackedFetch = {
  readonly bytes: Uint8Array
  /** Five numbers for each partition: index, position in `bytes`, length, next offset, end offset. */
  readonly numbers: readonly number[]
  /** Those few that have a source or an error, by their place in `numbers`. */
  readonly sources?: Readonly<Record<number, FetchedChunk['source']>>
  readonly errors?: Readonly<Record<number, ErrorData>>
}
const NUMBERS_PER_PARTITION = 5
/** A partition's part of a fetch is small where it is less than one in so many of the bytes. */
const SMALL_PART = 4

export function createPortTransport(port: MessagePort): LogTransport {
  const waiting = new Map<number, { resolve(response: unknown): void; reject(error: unknown): void }>()
  let nextId = 0
  let closed = false
  const fail = (message: string): void => {
    closed = true
    for (const { reject } of waiting.values()) reject(new StreamsError('CLOSED', message))
    waiting.clear()
  }
  port.on('message', ({ id, response, fetched, error }: AnswerMessage) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) port.unref()
    if (error === undefined) call?.resolve(fetched === undefined ? response : unpack(fetched))
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
  const numbers: number[] = []
  let sources: Record<number, FetchedChunk['source']> | undefined
  let errors: Record<number, ErrorData> | undefined
  let at = 0
  for (let i = 0; i < response.partitions.length; i++) {
    const { index, chunks, nextOffset, endOffset, error } = response.partitions[i] as FetchedPartition
    const start = at
    for (const { bytes } of chunks) {
      buffer.set(bytes, at)
      at += bytes.length
    }
    numbers.push(index, start, at - start, nextOffset, endOffset)
    const source = chunks[0]?.source
    if (source !== undefined) {
      sources ??= {}
      sources[i] = source
    }
    if (error !== undefined) {
      errors ??= {}
      errors[i] = error
    }
  }
  const fetched: PackedFetch = {
    bytes: buffer,
    numbers,
    ...(sources === undefined ? {} : { sources }),
    ...(errors === undefined ? {} : { errors }),
  }
  port.postMessage({ id, fetched } satisfies AnswerMessage, [buffer.buffer])
}

function unpack({ bytes, numbers, sources, errors }: PackedFetch): FetchResponse {
  const partitions: FetchedPartition[] = []
  for (let i = 0; i * NUMBERS_PER_PARTITION < numbers.length; i++) {
    const [index, start, length, nextOffset, endOffset] = numbers.slice(
      i * NUMBERS_PER_PARTITION,
      (i + 1) * NUMBERS_PER_PARTITION,
    ) as [number, number, number, number, number]
    const source = sources?.[i]
    const error = errors?.[i]
    // Records are views: a small part that is kept for long must not hold all that came with it.
    const part =
      length * SMALL_PART < bytes.length ? bytes.slice(start, start + length) : bytes.subarray(start, start + length)
    const chunks = length === 0 ? [] : [source === undefined ? { bytes: part } : { bytes: part, source }]
    partitions.push({ index, chunks, nextOffset, endOffset, ...(error === undefined ? {} : { error }) })
  }
  return { partitions }
}

export function errorData(error: unknown): ErrorData {
  return { code: error instanceof StreamsError ? error.code : undefined, message: messageOf(error) }
}

export function errorOf({ code, message }: ErrorData): Error {
  return code === undefined ? new AssertionError(message) : new StreamsError(code, message)
}
