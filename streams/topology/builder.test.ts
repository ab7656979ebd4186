import { describe, expect, test } from 'vitest'
import { serdes } from '../serdes/index.ts'
import { keyValueStore } from '../stores/specs.ts'
import { createInternalTopologyBuilder, createTopologyBuilder, type TopologyBuilder } from './builder.ts'
import type { Processor, ProcessorSupplier } from './processor.ts'

const S = { key: serdes.string, value: serdes.string } as const
const nothing = (): ProcessorSupplier<string, string, string, string> => ({ get: () => ({ process: () => {} }) })
const store = (name: string) => keyValueStore({ name, ...S })
const withSource = (): TopologyBuilder => createTopologyBuilder().addSource({ name: 'source', topics: 'in', ...S })

/** Each names what is wrong and where; the text says what to do. */
const MISTAKES: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['nothing in it', () => createTopologyBuilder().build(), /topology is empty: add at least one source/],
  [
    'two nodes of one name',
    () => withSource().addProcessor({ name: 'source', supplier: nothing(), parents: ['source'] }),
    /Two nodes have the name source/,
  ],
  [
    'an unknown parent',
    () => withSource().addProcessor({ name: 'p', supplier: nothing(), parents: ['q'] }),
    /Parent q of node p is unknown: add it before its children/,
  ],
  [
    'a node that is its own parent',
    () => withSource().addProcessor({ name: 'p', supplier: nothing(), parents: ['p'] }),
    /Node p is its own parent: a topology has no cycles/,
  ],
  [
    'no parent',
    () => withSource().addProcessor({ name: 'p', supplier: nothing(), parents: [] }),
    /Node p has no parent/,
  ],
  [
    'a sink as parent',
    () => {
      const builder = withSource().addSink({ name: 'sink', topic: 'out', ...S, parents: ['source'] })
      builder.addProcessor({ name: 'p', supplier: nothing(), parents: ['sink'] })
    },
    /Sink sink cannot be the parent of p/,
  ],
  ['a name that no topic can have', () => withSource().addStateStore(store('a/b')), /Store name "a\/b" is not allowed/],
  ['a name that is too long', () => withSource().addStateStore(store('x'.repeat(250))), /it has 250 characters/],
  ['an empty name', () => createTopologyBuilder().addSource({ name: '', topics: 'in', ...S }), /it is empty/],
  [
    'a topic that two sources read',
    () => withSource().addSource({ name: 'other', topics: 'in', ...S }),
    /Source other reads topic in, which source source reads already/,
  ],
  [
    'a topic that a pattern reads',
    () => {
      const builder = createTopologyBuilder().addSource({ name: 'pattern', topics: /in.*/, ...S })
      builder.addSource({ name: 'other', topics: 'in-1', ...S })
    },
    /Source other reads topic in-1, which source pattern reads already/,
  ],
  [
    'a pattern over a topic that is read',
    () => withSource().addSource({ name: 'pattern', topics: /i./, ...S }),
    /matches topic in of source source/,
  ],
  ['no topic', () => createTopologyBuilder().addSource({ name: 's', topics: [], ...S }), /Source s reads no topic/],
  [
    'a store that nobody uses',
    () => withSource().addStateStore(store('s')).build(),
    /Store s is connected to no processor/,
  ],
  [
    'a store that is not there',
    () => withSource().addProcessor({ name: 'p', supplier: nothing(), parents: ['source'], stores: ['s'] }),
    /Store s is unknown to the topology: add it before processor p/,
  ],
  [
    'a store at a source',
    () => withSource().addStateStore(store('s')).connectProcessorAndStateStores('source', 's'),
    /Store s cannot be connected to source source/,
  ],
  [
    'two stores of one name',
    () => withSource().addStateStore(store('s')).addStateStore(store('s')),
    /Two different stores have the name s/,
  ],
  [
    'a supplier that gives one processor to all tasks',
    () => {
      const one: Processor<string, string, string, string> = { process: () => {} }
      withSource().addProcessor({ name: 'p', supplier: { get: () => one }, parents: ['source'] })
    },
    /supplier of processor p returned the same instance twice/,
  ],
  [
    'a global store that is connected',
    () => {
      const supplier = { get: () => ({ process: () => {} }) }
      const builder = withSource().addGlobalStore({
        sourceName: 'gs',
        processorName: 'gp',
        topic: 'global',
        store: store('g'),
        supplier,
        ...S,
      })
      builder.addProcessor({ name: 'p', supplier: nothing(), parents: ['source'], stores: ['g'] })
    },
    /Global store g is open to every processor/,
  ],
  [
    'joined repartition topics of different widths',
    () => {
      const builder = createInternalTopologyBuilder({})
      for (const [topic, partitions] of [
        ['left', 2],
        ['right', 3],
      ] as const) {
        builder.addInternalTopic(topic, partitions)
        builder.addSource({ name: `${topic}-source`, topics: topic, ...S })
      }
      builder.copartition(['left-source', 'right-source'])
      builder.build()
    },
    /need the same number of partitions: left has 2, right has 3/,
  ],
]

test.each(MISTAKES)('refuses %s', (_what, build, message) => {
  expect(build).toThrow(expect.objectContaining({ code: 'TOPOLOGY_INVALID', message: expect.stringMatching(message) }))
})

describe('a topology', () => {
  const build = () =>
    withSource()
      .addSource({ name: 'other', topics: ['a', 'b'], ...S })
      .addStateStore(store('shared'))
      .addProcessor({ name: 'p', supplier: nothing(), parents: ['source'], stores: ['shared'] })
      .addProcessor({ name: 'q', supplier: nothing(), parents: ['other'], stores: ['shared'] })
      .addSource({ name: 'alone', topics: 'alone', ...S })
      .addSink({ name: 'sink', topic: () => 'dynamic', ...S, parents: ['alone'] })
      .build()

  test('groups what shares a store', () => {
    const { subTopologies } = build()
    expect(subTopologies.map(({ id, nodes, stores }) => ({ id, nodes, stores }))).toEqual([
      { id: 0, nodes: ['source', 'other', 'p', 'q'], stores: ['shared'] },
      { id: 1, nodes: ['alone', 'sink'], stores: [] },
    ])
    expect(subTopologies[0]?.sourceTopics.map(({ name }) => name)).toEqual(['in', 'a', 'b'])
  })

  test('is frozen', () => {
    const { nodes, subTopologies, stores } = build()
    for (const value of [build(), nodes.get('p'), subTopologies, subTopologies[0], stores.get('shared')]) {
      expect(Object.isFrozen(value)).toBe(true)
    }
  })

  test('has a changelog for each logged store', () => {
    expect(build().stores.get('shared')).toMatchObject({
      changelog: { name: 'shared-changelog', internal: true },
      changelogIsSource: false,
    })
  })

  test('reads the source topic of a read-only store in place of a changelog', () => {
    const topology = createTopologyBuilder()
      .addReadOnlyStateStore({
        sourceName: 'source',
        processorName: 'processor',
        topic: 'rates',
        store: store('rates'),
        supplier: { get: () => ({ process: () => {} }) },
        ...S,
      })
      .build()
    expect(topology.stores.get('rates')).toMatchObject({
      changelog: { name: 'rates', internal: false },
      changelogIsSource: true,
      spec: { logging: undefined },
    })
  })
})

test('a processor wrapper sees each processor, and may bring stores', () => {
  const seen: string[] = []
  const topology = createTopologyBuilder({
    processorWrapper: (name, supplier) => {
      seen.push(name)
      return name === 'p' ? { get: () => supplier.get(), stores: [store('added')] } : supplier
    },
  })
    .addSource({ name: 'source', topics: 'in', ...S })
    .addProcessor({ name: 'p', supplier: nothing(), parents: ['source'] })
    .addProcessor({ name: 'q', supplier: nothing(), parents: ['p'] })
    .build()
  expect(seen).toEqual(['p', 'q'])
  expect(topology.nodes.get('p')).toMatchObject({ stores: ['added'] })
})
