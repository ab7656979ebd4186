import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { StreamsError } from '#streams/base'
import type { Api } from './create-api.ts'

export type ApiServerOptions = {
  readonly api: Pick<Api, 'fetch' | 'close'>
  /** 0: any free port. */
  readonly port: number
  /** Default 127.0.0.1: this machine only. Give the API `users` before you open it to others. */
  readonly hostname?: string
}

export type ApiServer = {
  readonly url: string
  readonly port: number
  /** Ends live streams, answers what is under way, then closes. Idempotent. */
  close(): Promise<void>
}

const LOCAL = '127.0.0.1'
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const HEADER_BYTES_MAX = 16 * 1024
const CONNECTIONS_MAX = 1_000
/** What is still open then is cut. */
const CLOSE_WAIT_MS = 2_000

export async function startApiServer({ api, port, hostname = LOCAL }: ApiServerOptions): Promise<ApiServer> {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    getRequestListener((request) => api.fetch(request)),
  )
  server.maxConnections = CONNECTIONS_MAX
  await listen(server, port, hostname)
  const address = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    url: `http://${hostname === '0.0.0.0' || hostname === '::' ? LOCAL : hostname}:${address.port}`,
    port: address.port,
    close: () => {
      closed ??= close(server, api)
      return closed
    },
  }
}

function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const what =
        error.code === 'EADDRINUSE'
          ? `port ${port} of ${hostname} is taken by another process; choose another one`
          : `cannot listen on ${hostname}:${port}: ${error.message}`
      reject(new StreamsError('CONFIG_INVALID', what, { cause: error }))
    })
    server.listen(port, hostname, resolve)
  })
}

async function close(server: Server, api: ApiServerOptions['api']): Promise<void> {
  const done = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  await api.close()
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_WAIT_MS)
  await done
  clearTimeout(timer)
}
