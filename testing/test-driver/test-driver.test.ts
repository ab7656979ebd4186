import { describe, expect, test } from 'vitest'
import { createStreamsBuilder } from '#streams'
import type { Serde } from '#streams/ports'
import { nullable, serdes } from '#streams/serdes'
import { type KeyValueStore, keyValueStore } from '#streams/stores'
import { createTopologyBuilder, type ProcessorContext, type StreamRecord } from '#streams/topology'
import { createTestDriver, type TestDriverOptions } from './index.ts'

const { int64, string } = serdes
const counts = keyValueStore({ name: 'counts', key: string, value: int64 })

/** Counts per key, by hand: a processor, a store, a repartition-free topology. */
function countingTopology() {
  return createTopologyBuilder()
    .addSource({ name: 'source', topics: 'in', key: nullable(string), value: nullable(string) })
    .addProcessor<string | null, string | null, string, number>({
      name: 'count',
      parents: ['source'],
      supplier: {
        stores: [counts],
        get: () => {
          let context: ProcessorContext<string, number>
          return {
            init: (given) => {
              context = given
            },
            process: (record) => {
              if (record.value === 'poison') throw new Error('poison was processed')
              const key = record.key ?? 'none'
              const store = context.store(counts)
              const count = (store.get(key) ?? 0) + 1
              store.put(key, count)
              context.forward({ ...record, key, value: count })
            },
          }
        },
      },
    })
    .addSink({ name: 'sink', topic: 'out', key: string, value: int64, parents: ['count'] })
    .build()
}

function setUp(options: TestDriverOptions = {}) {
  const driver = createTestDriver(countingTopology(), options)
  return {
    driver,
    input: driver.inputTopic('in', { key: nullable(string), value: nullable(string) }),
    output: driver.outputTopic('out', { key: string, value: int64 }),
  }
}

describe('test driver', () => {
  test('processes each record to the end before pipe returns', () => {
    const { driver, input, output } = setUp()
    input.pipe('a', 'x', 5)
    expect(output.read()).toMatchObject({ key: 'a', value: 1, timestampMs: 5 })
    input.pipe('a', 'x', 6)
    input.pipe('b', 'x', 7)
    expect(output.readAll().map(({ key, value }) => [key, value])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    expect(output.isEmpty).toBe(true)
    driver.close()
  })

  test('a crash loses exactly what was not committed, and the inputs are processed again', () => {
    const { driver, input, output } = setUp({ commitEvery: 3 })
    for (const at of [1, 2, 3, 4]) input.pipe('a', 'x', at)
    expect(output.readAll().map(({ value }) => value)).toEqual([1, 2, 3])
    driver.crash()
    driver.commit()
    expect(output.readAll().map(({ value }) => value)).toEqual([4])
    expect(driver.store<{ get(key: string): number | undefined }>('counts').get('a')).toBe(4)
    driver.close()
  })

  test('a lost state directory is restored from the changelog', () => {
    const { driver, input, output } = setUp()
    for (const at of [1, 2, 3]) input.pipe('a', 'x', at)
    driver.crashAndLoseState()
    input.pipe('a', 'x', 4)
    expect(output.readAll().map(({ value }) => value)).toEqual([1, 2, 3, 4])
    driver.close()
  })

  test('keys go to the partitions that Kafka gives them, each partition has its own task and store', () => {
    const { driver, input } = setUp({ partitions: 3 })
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) input.pipe(key, 'x', 1)
    const owners = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) =>
      [0, 1, 2].filter(
        (partition) => driver.store<{ get(key: string): number | undefined }>('counts', partition).get(key) === 1,
      ),
    )
    expect(owners.every((partitions) => partitions.length === 1)).toBe(true)
    expect(new Set(owners.flat()).size).toBeGreaterThan(1)
    driver.close()
  })

  test('a partitioner may choose several partitions, and by headers', () => {
    const texts = { key: string, value: string }
    const builder = createStreamsBuilder()
    builder.stream('in', texts).to('out', {
      partitioner: (_topic, _key, _value, _count, headers) => (headers.length > 0 ? [0, 2] : 1),
    })
    const driver = createTestDriver(builder.build(), { partitions: 3 })
    const input = driver.inputTopic('in', texts)
    input.pipe('a', 'plain')
    input.pipeRecord({ key: 'a', value: 'marked', headers: [{ key: 'mark', value: null }] })
    const written = driver.outputTopic('out', texts).readAll()
    expect(written.map(({ value, partition }) => [value, partition])).toEqual([
      ['marked', 0],
      ['plain', 1],
      ['marked', 2],
    ])
    driver.close()
  })

  test('a global table between others takes an id among the sub-topologies, and the tasks behind it run', () => {
    const builder = createStreamsBuilder()
    const texts = { key: string, value: string }
    const first = builder.stream('in1', texts)
    const rates = builder.globalTable('rates', { ...texts, store: 'rates' })
    const joined = first.join(
      rates,
      (_key, value) => value,
      (_value, rate) => rate,
      { value: string },
    )
    joined.to('out1')
    builder.stream('in2', texts).groupByKey().count({ store: 'c' }).toStream().to('out2')
    const driver = createTestDriver(builder.build())
    driver.inputTopic('rates', texts).pipe('x', '7')
    driver.inputTopic('in1', texts).pipe('a', 'x')
    driver.inputTopic('in2', texts).pipe('b', 'y')
    expect(driver.outputTopic('out1', texts).readAll()).toMatchObject([{ key: 'a', value: '7' }])
    expect(driver.outputTopic('out2', { key: string, value: int64 }).readAll()).toMatchObject([{ key: 'b', value: 1 }])
    driver.close()
  })

  test.each([[['in1', 'in2', 'in3']], [/in\d/]])(
    'every topic of one source reaches what is behind it: %s',
    (topics) => {
      const builder = createStreamsBuilder()
      const texts = { key: string, value: string }
      builder.stream(topics, texts).to('out')
      const driver = createTestDriver(builder.build(), { partitionsOf: { in1: 1, in2: 1, in3: 1 } })
      for (const topic of ['in1', 'in2', 'in3']) driver.inputTopic(topic, texts).pipe(topic, 'x')
      const keys = driver.outputTopic('out', texts).readAll()
      expect(keys.map(({ key }) => key)).toEqual(['in1', 'in2', 'in3'])
      driver.close()
    },
  )

  test('topics that are read together may have different numbers of partitions', () => {
    const builder = createStreamsBuilder()
    const texts = { key: string, value: string }
    const merged = builder.stream(['wide', 'narrow'], texts).merge(builder.stream(/other-.*/, texts))
    merged.to('out')
    const partitionsOf = { wide: 3, narrow: 1, 'other-a': 2, 'other-b': 4, out: 1 }
    using driver = createTestDriver(builder.build(), { partitionsOf })
    expect(driver.topology.tasks).toEqual(['0_0', '0_1', '0_2', '0_3'])
    const inputs = ['wide', 'narrow', 'other-a', 'other-b']
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const topic of inputs) for (const key of keys) driver.inputTopic(topic, texts).pipe(key, topic)
    driver.crashAndLoseState()
    driver.inputTopic('narrow', texts).pipe('g', 'narrow')
    const seen = driver.outputTopic('out', texts).readAll()
    const expected = [...inputs.flatMap((topic) => keys.map((key) => `${topic} ${key}`)), 'narrow g']
    expect(seen.map(({ key, value }) => `${value} ${key}`).sort()).toEqual(expected.sort())
  })

  test('a global store is given nulls only where its serde says that null is data', () => {
    const holidays = keyValueStore({ name: 'holidays', key: string, value: string })
    const driverOf = (value: Serde<string | null>) => {
      const supplier = {
        get: () => {
          let store: KeyValueStore<string, string>
          return {
            init: (context: ProcessorContext<never, never>) => {
              store = context.store(holidays)
            },
            process: (record: StreamRecord<string, string | null>) => store.put(record.key, record.value),
          }
        },
      }
      return createTestDriver(
        createStreamsBuilder().addGlobalStore(holidays, 'holidays', { key: string, value, supplier }).build(),
      )
    }
    using lenient = driverOf(nullable(string))
    const input = lenient.inputTopic('holidays', { key: string, value: nullable(string) })
    input.pipe('1 June', 'Madaraka')
    input.pipe('1 June', null)
    expect(lenient.store<KeyValueStore<string, string>>('holidays').get('1 June')).toBeUndefined()
    using strict = driverOf(string as Serde<string | null>)
    const strictInput = strict.inputTopic('holidays', { key: string, value: nullable(string) })
    expect(() => strictInput.pipe('1 June', null)).toThrow(
      /holidays-0@0 could not be read.*the value is null.*nullable/,
    )
  })

  test('a processor that throws ends the test, naming record and node', () => {
    const { input } = setUp()
    input.pipe('a', 'x', 1)
    expect(() => input.pipe('a', 'poison', 2)).toThrow(
      /record at in-0@1 could not be processed at node count.*poison was processed/,
    )
  })

  test('a handler may have what failed done again, a bounded number of times', () => {
    const attempts: number[] = []
    const { input } = setUp({
      config: {
        handlerRetriesMax: 3,
        processingExceptionHandler: (_error, { attempt }) => {
          attempts.push(attempt)
          return { action: 'retry' }
        },
      },
    })
    expect(() => input.pipe('a', 'poison', 1)).toThrow(/tried 4 times; handlerRetriesMax/)
    expect(attempts).toEqual([1, 2, 3, 4])
  })

  test('what succeeds at the second attempt goes on as if nothing had been', () => {
    let failures = 1
    const flaky = createStreamsBuilder()
    flaky
      .stream('in', { key: string, value: string })
      .mapValues(
        (value) => {
          if (failures-- > 0) throw new Error('not yet')
          return value
        },
        { value: string },
      )
      .to('out')
    const driver = createTestDriver(flaky.build(), {
      config: { processingExceptionHandler: () => ({ action: 'retry' }) },
    })
    driver.inputTopic('in', { key: string, value: string }).pipe('a', 'x')
    expect(driver.outputTopic('out', { key: string, value: string }).readAll()).toHaveLength(1)
    driver.close()
  })

  test('with a dead-letter topic the record goes there with the reason in its headers, and the stream goes on', () => {
    const { driver, input, output } = setUp({
      config: {
        deadLetterTopic: 'dead',
        processingExceptionHandler: (_error, context) => ({
          action: 'continue',
          deadLetterTopic: context.deadLetterTopic,
        }),
      },
    })
    input.pipe('a', 'poison', 1)
    input.pipe('a', 'x', 2)
    const dead = driver.outputTopic('dead', { key: nullable(string), value: nullable(string) }).read()
    expect(dead).toMatchObject({ key: 'a', value: 'poison', timestampMs: 1 })
    const header = (key: string) =>
      new TextDecoder().decode(
        dead?.headers.find((candidate) => candidate.key === `__streams.errors.${key}`)?.value ?? undefined,
      )
    expect(header('message')).toBe('poison was processed')
    expect([header('topic'), header('partition'), header('offset')]).toEqual(['in', '0', '0'])
    expect(output.readAll().map(({ value }) => value)).toEqual([1])
    driver.close()
  })

  test('an unknown topic or store is named together with those that exist', () => {
    const { driver } = setUp()
    expect(() => driver.store('nothing')).toThrow(/no store nothing.*counts/)
    expect(() => driver.outputTopic('outt', { key: string, value: string })).toThrow(/no topic outt.*in, out/)
    expect(() => driver.inputTopic('inn', { key: string, value: string })).toThrow(/reads no topic inn.*: in$/)
    driver.close()
  })
})
