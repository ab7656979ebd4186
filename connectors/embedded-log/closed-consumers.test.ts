import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { nodeClock } from '#host'
import { LogConsumer } from './consumer.ts'
import { createFetcher } from './fetcher.ts'
import { createPortTransport, servePort } from './message-port.ts'
import type { LogTransport } from './protocol.ts'

test('the owner forgets what a closed consumer was assigned', async () => {
  const fetcher = createFetcher({
    state: { topics: new Map() },
    clock: nodeClock,
    yieldToEvents: async () => {},
  } as never)
  const request = { consumer: 1, assignment: 1, positions: [], bytesMax: 1, waitMs: 0 }
  await fetcher.fetch({ ...request, partitions: [{ topic: 'a', partition: 0 }] })
  await expect(fetcher.fetch(request)).resolves.toEqual({ partitions: [] })
  fetcher.forget(1)
  await expect(fetcher.fetch(request)).rejects.toThrow('assignment')
})

test('a consumer that is closed says so to the owner', async () => {
  const calls: unknown[] = []
  const transport = {
    call: async (name: string, request: unknown) => void calls.push([name, request]),
    close: () => {},
  } as unknown as LogTransport
  const options = { clientId: 'c', isolation: 'read_committed', pollRecordsMax: 1, pollBytesMax: 1 } as const
  await new LogConsumer({ transport, options, id: 7, onClose: () => {} }).close()
  expect(calls).toEqual([['cancelFetch', { consumer: 7, closed: true }]])
})

test('a small record that is kept does not hold all that was fetched with it', async () => {
  const { port1, port2 } = new MessageChannel()
  const part = (index: number, bytes: number) => ({
    ...{ index, nextOffset: 1, endOffset: 1 },
    chunks: [{ bytes: new Uint8Array(bytes) }],
  })
  servePort(port1, { fetch: async () => ({ partitions: [part(0, 50), part(1, 1_000_000)] }) } as never, () => {})
  const transport = createPortTransport(port2)
  const { partitions } = await transport.call('fetch', {} as never)
  const held = partitions.map(({ chunks }) => chunks[0]?.bytes.buffer.byteLength)
  transport.close()
  port1.close()
  expect(held).toEqual([50, 1_000_050])
})
