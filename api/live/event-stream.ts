import type { Clock } from '#streams/ports'

/**
 * Server-sent events. Every client has a bounded buffer: one that reads too slowly is told so and cut off, so that it
 * takes memory from nobody; it comes back with Last-Event-ID and misses nothing.
 */
export type LiveEvent = { readonly id?: string; readonly event: string; readonly data: unknown }

export type LiveClient = {
  send(event: LiveEvent): void
  /** Tells the client why, then ends. */
  end(reason: string): void
  readonly closed: boolean
}

export type LiveStreamOptions = {
  readonly clock: Clock
  readonly onOpen: (client: LiveClient) => void | Promise<void>
  readonly onClose: () => void
  readonly eventsPendingMax?: number
}

const EVENTS_PENDING_MAX = 1_000
const HEARTBEAT_MS = 15_000
/** What a browser waits before it comes back. */
const RETRY_MS = 2_000
const encoder = new TextEncoder()

export function liveResponse(options: LiveStreamOptions): Response {
  const { clock, onOpen, onClose, eventsPendingMax = EVENTS_PENDING_MAX } = options
  const pending: string[] = []
  const stopped = new AbortController()
  let controller: ReadableStreamDefaultController<Uint8Array>
  let ending = false

  const close = (): void => {
    if (stopped.signal.aborted) return
    stopped.abort()
    onClose()
  }
  const drain = (): void => {
    while (pending.length > 0 && (controller.desiredSize ?? 0) > 0) {
      controller.enqueue(encoder.encode(pending.shift() as string))
    }
    if (ending && pending.length === 0 && !stopped.signal.aborted) {
      close()
      controller.close()
    }
  }
  const write = (text: string): void => {
    if (ending || stopped.signal.aborted) return
    if (pending.length >= eventsPendingMax) {
      pending.length = 0
      pending.push(format({ event: 'cut-off', data: { reason: 'too slow: the buffer for this client is full' } }))
      ending = true
    } else pending.push(text)
    drain()
  }
  const client: LiveClient = {
    send: (event) => write(format(event)),
    end: (reason) => {
      write(format({ event: 'cut-off', data: { reason } }))
      ending = true
      drain()
    },
    get closed() {
      return stopped.signal.aborted
    },
  }
  const beat = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, stopped.signal)
      write(': still here\n\n')
    }
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given
        write(`retry: ${RETRY_MS}\n\n`)
        void beat()
        // Not awaited: until `start` resolves, nothing that was enqueued reaches the client.
        void Promise.resolve(onOpen(client)).catch(() => client.end('the feed cannot be read right now'))
      },
      pull: drain,
      cancel: close,
    },
    { highWaterMark: 64 * 1024, size: (chunk) => chunk?.byteLength ?? 0 },
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies such as nginx would otherwise hold events back.
      'x-accel-buffering': 'no',
    },
  })
}

export function format({ id, event, data }: LiveEvent): string {
  const head = id === undefined ? '' : `id: ${id}\n`
  return `${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
