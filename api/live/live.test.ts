import { describe, expect, test } from 'vitest'
import type { Clock } from '#streams/ports'
import { type LiveClient, liveResponse } from './event-stream.ts'
import { createLatencyMeter } from './latency-meter.ts'
import { formatPositions, parsePositions } from './positions.ts'

const clock: Clock = {
  wallClockMs: () => 0,
  monotonicMs: () => 0,
  sleep: (_durationMs, signal) =>
    new Promise((resolve) => {
      signal?.addEventListener('abort', () => resolve(), { once: true })
    }),
}

describe('server-sent events', () => {
  test('come as they are sent, with their ids', async () => {
    let client: LiveClient | undefined
    const response = liveResponse({
      clock,
      onOpen: (opened) => {
        client = opened
      },
      onClose: () => {},
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    client?.send({ id: '1.2', event: 'flag', data: { text: 'two\nlines' } })
    client?.end('done')
    expect(await response.text()).toBe(
      'retry: 2000\n\nid: 1.2\nevent: flag\ndata: {"text":"two\\nlines"}\n\nevent: cut-off\ndata: {"reason":"done"}\n\n',
    )
  })

  test('a client that does not read is cut off with the reason, and forgotten', async () => {
    let client: LiveClient | undefined
    let closed = 0
    const response = liveResponse({
      clock,
      eventsPendingMax: 10,
      onOpen: (opened) => {
        client = opened
      },
      onClose: () => {
        closed++
      },
    })
    const large = 'x'.repeat(10_000)
    for (let i = 0; i < 100; i++) client?.send({ event: 'flag', data: large })
    const text = await response.text()
    expect(text.split('event: flag').length - 1).toBeLessThan(20)
    expect(text).toMatch(/event: cut-off\ndata: \{"reason":"too slow[^\n]*\n\n$/)
    expect(closed).toBe(1)
    expect(client?.closed).toBe(true)
  })

  test('a client that goes away is forgotten', async () => {
    let closed = 0
    const response = liveResponse({ clock, onOpen: () => {}, onClose: () => closed++ })
    await response.body?.cancel()
    expect(closed).toBe(1)
  })
})

describe('ids of live events', () => {
  const partitions = [
    { topic: 't', partition: 0 },
    { topic: 't', partition: 1 },
  ]
  test('are positions, in the order of the partitions', () => {
    const positions = [
      { topic: 't', partition: 1, offset: 7 },
      { topic: 't', partition: 0, offset: 3 },
    ]
    expect(formatPositions(positions)).toBe('3.7')
    expect(parsePositions('3.7', partitions)).toEqual([...positions].reverse())
  })
  test.each(['', '3', '3.7.9', '3.x', '-1.2', '3,7', '99999999999999999.1'])('%j is none', (text) => {
    expect(parsePositions(text, partitions)).toBeUndefined()
  })
})

describe('latency by watermarks', () => {
  const end = (offset: number) => [{ topic: 't', partition: 0, offset }]
  const committed = (offset: number) => new Map([['t-0', offset]])

  test('is the time until the commit passes what was the end', () => {
    const meter = createLatencyMeter()
    meter.observe(0, end(0), committed(0))
    meter.observe(10, end(5), committed(0))
    meter.observe(20, end(8), committed(0))
    expect(meter.lagMsOf('t-0', 20)).toBe(10)
    meter.observe(40, end(8), committed(5))
    meter.observe(90, end(8), committed(8))
    // Five records took 30 ms, three took 70 ms.
    expect(meter.percentiles(90)).toEqual({ p50Ms: 30, p95Ms: 70, p99Ms: 70, maxMs: 70, records: 8 })
    expect(meter.lagMsOf('t-0', 90)).toBe(0)
    expect(meter.histogram.count).toBe(8)
    expect(meter.histogram.totalMs).toBe(5 * 30 + 3 * 70)
  })

  test('does not count what was there before', () => {
    const meter = createLatencyMeter()
    meter.observe(0, end(1_000), committed(10))
    meter.observe(500, end(1_000), committed(1_000))
    expect(meter.percentiles(500).records).toBe(0)
  })

  test('counts what came and went between two looks as the time between them', () => {
    const meter = createLatencyMeter()
    meter.observe(0, end(0), committed(0))
    meter.observe(20, end(4), committed(4))
    expect(meter.percentiles(20)).toMatchObject({ p50Ms: 20, records: 4 })
  })

  test('forgets after a minute', () => {
    const meter = createLatencyMeter()
    meter.observe(0, end(0), committed(0))
    meter.observe(20, end(4), committed(4))
    expect(meter.percentiles(60_100)).toMatchObject({ p50Ms: null, records: 0 })
  })
})
