import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { createRegistryApp } from './registry-app.ts'
import type { EmbeddedRegistry } from './registry-core.ts'

export type RegistryServerOptions = {
  readonly registry: EmbeddedRegistry
  /** 0 takes a free port. */
  readonly port: number
  /** The interface has no access control of its own, so it listens on the machine itself unless told otherwise. */
  readonly hostname?: string
}
export type RegistryServer = { readonly url: string; close(): Promise<void> }

/** Serves the embedded registry over HTTP; resolves when it listens, rejects if the port is taken. */
export async function startRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const { registry, port, hostname = '127.0.0.1' } = options
  const server: ServerType = createAdaptorServer({ fetch: createRegistryApp(registry).fetch })
  server.listen(port, hostname)
  await once(server, 'listening')
  const { port: portBound } = server.address() as AddressInfo
  return {
    url: `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${portBound}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
    },
  }
}
