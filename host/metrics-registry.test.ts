import { describe, expect, test } from 'vitest'
import { createMetricsRegistry, type MetricSample } from './metrics-registry.ts'

const metric = (name: string, more = {}) => ({ group: 'g', name, description: name, tags: { a: '1' }, ...more })

function setUp(level?: 'info' | 'debug') {
  let nowMs = 0
  const registry = createMetricsRegistry({ nowMs: () => nowMs, ...(level === undefined ? {} : { level }) })
  const read = (name: string): number | undefined => {
    const found = registry.samples().find((sample) => sample.name === name) as
      | Extract<MetricSample, { readonly value: number }>
      | undefined
    return found?.value
  }
  return {
    registry,
    read,
    wait: (durationMs: number) => {
      nowMs += durationMs
    },
  }
}

describe('metrics registry', () => {
  test('a total has a rate, over the window and the one before', () => {
    const { registry, read, wait } = setUp()
    const counter = registry.counter(metric('x-total'))
    counter.add(100)
    wait(10_000)
    expect(read('x-rate')).toBe(10)
    wait(20_000)
    expect(read('x-rate')).toBeCloseTo(100 / 30)
    wait(30_000)
    expect(read('x-rate')).toBe(0)
    expect(read('x-total')).toBe(100)
  })

  test('a latency has average, maximum, rate, total and share of time', () => {
    const { registry, read, wait } = setUp()
    const latency = registry.latency(metric('x-latency', { hasRatio: true }))
    for (const durationMs of [10, 20, 60]) latency.record(durationMs)
    wait(1000)
    expect(['avg', 'max'].map((stat) => read(`x-latency-${stat}`))).toEqual([30, 60])
    expect([read('x-rate'), read('x-total'), read('x-ratio')]).toEqual([3, 3, 0.09])
  })

  test('extremes are forgotten with their windows', () => {
    const { registry, read, wait } = setUp()
    const latency = registry.latency(metric('e2e', { hasMinimum: true }))
    latency.record(5)
    wait(30_000)
    read('e2e-max')
    latency.record(3)
    expect([read('e2e-min'), read('e2e-max')]).toEqual([3, 5])
    wait(30_000)
    expect([read('e2e-min'), read('e2e-max')]).toEqual([3, 3])
    wait(30_000)
    expect(read('e2e-max')).toBeNaN()
  })

  test('what is above the recording level is not kept', () => {
    const { registry } = setUp()
    registry.counter(metric('x-total', { level: 'debug' })).add(1)
    registry.latency(metric('y', { level: 'trace' })).record(1)
    expect(registry.samples()).toEqual([])
    const debug = setUp('debug')
    debug.registry.counter(metric('x-total', { level: 'debug' })).add(1)
    expect(debug.read('x-total')).toBe(1)
  })

  test('a closed task takes its metrics along', () => {
    const { registry } = setUp()
    registry.counter(metric('x-total'))
    registry.gauge(metric('y'), () => 1)
    registry.counter({ ...metric('x-total'), tags: { a: '2' } })
    registry.remove?.({ a: '1' })
    expect(registry.samples().map(({ name, tags }) => `${name} ${tags.a}`)).toEqual(['x-total 2', 'x-rate 2'])
  })
})
