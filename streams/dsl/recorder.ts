import { checkName, invalidTopology } from '../topology/names.ts'
import type { Facades } from './handles.ts'
import { generatedName, type NodeId, type Plan, type PlanNode, type PlanNodeData } from './plan.ts'

/**
 * Records what the DSL is told, in order. This is the only thing of the DSL that changes; handles (streams, tables)
 * do not. The counters are Java's: they are part of the names of nodes, stores and topics, so they also count where a
 * name is given and a number would not be needed.
 */
export type Recorder = {
  readonly facades: Facades
  /** Counts, and returns the given name or the generated one. Java: NamedInternal.orElseGenerateWithPrefix. */
  nodeName(given: string | undefined, prefix: string): string
  /** The given name with a suffix, or a generated one; counts in both cases. */
  suffixedName(given: string | undefined, suffix: string, prefix: string): string
  generate(prefix: string): string
  generateStore(prefix: string): string
  add(name: string, parents: readonly NodeId[], data: PlanNodeData): NodeId
  /** Replaces what a node is, not where: a split grows with each branch. */
  update(id: NodeId, data: PlanNodeData): void
  /** Adds a parent again: the node is then written later (Java: addGraphNode of a node that is in the graph). */
  readd(id: NodeId): void
  node(id: NodeId): PlanNode
  copartition(...sources: readonly (readonly string[])[]): void
  noteGeneratedStore(name: string, isLogged: boolean): void
  noteGeneratedChangelog(name: string): void
  noteGeneratedRepartition(topic: string): void
  /** What one handle made and may use again. */
  memo<T>(owner: object, key: string, create: () => T): { readonly value: T; readonly isNew: boolean }
  freeze(): Plan
}

const NODES_MAX = 100_000

export function createRecorder(facades: Facades): Recorder {
  const nodes: PlanNode[] = []
  const copartitioned: (readonly string[])[] = []
  const changelogTopics: string[] = []
  const stores: string[] = []
  const repartitionTopics: string[] = []
  const memos = new WeakMap<object, Map<string, unknown>>()
  let nameIndex = 0
  let priority = 0

  const generate = (prefix: string): string => generatedName(prefix, nameIndex++)
  const at = (id: NodeId): PlanNode => {
    const node = nodes[id]
    if (node === undefined) throw new Error(`node ${id} was not recorded here`)
    return node
  }
  return {
    facades,
    generate,
    generateStore: (prefix) => generatedName(`${prefix}STATE-STORE-`, nameIndex++),
    nodeName: (given, prefix) => {
      const generated = generate(prefix)
      return given === undefined ? generated : checkName('Operator', given)
    },
    suffixedName: (given, suffix, prefix) => {
      const generated = generate(prefix)
      return given === undefined ? generated : checkName('Operator', given + suffix)
    },
    add: (name, parents, data) => {
      if (nodes.length === NODES_MAX) throw invalidTopology(`A topology has at most ${NODES_MAX} operators.`)
      const id = nodes.length
      nodes.push(
        Object.freeze({ ...data, id, priority: priority++, name, parents: Object.freeze([...new Set(parents)]) }),
      )
      return id
    },
    update: (id, data) => {
      const { priority: kept, name, parents } = at(id)
      nodes[id] = Object.freeze({ ...data, id, priority: kept, name, parents })
    },
    readd: (id) => {
      nodes[id] = Object.freeze({ ...at(id), priority: priority++ })
    },
    node: at,
    copartition: (...sources) => {
      copartitioned.push(Object.freeze([...new Set(sources.flat())]))
    },
    noteGeneratedStore: (name, isLogged) => {
      stores.push(name)
      if (isLogged) changelogTopics.push(`${name}-changelog`)
    },
    noteGeneratedChangelog: (name) => {
      changelogTopics.push(`${name}-changelog`)
    },
    noteGeneratedRepartition: (topic) => {
      repartitionTopics.push(topic)
    },
    memo: <T>(owner: object, key: string, create: () => T) => {
      const own = memos.get(owner) ?? new Map<string, unknown>()
      memos.set(owner, own)
      if (own.has(key)) return { value: own.get(key) as T, isNew: false }
      const value = create()
      own.set(key, value)
      return { value, isNew: true }
    },
    freeze: () =>
      Object.freeze({
        nodes: Object.freeze([...nodes]),
        copartitioned: Object.freeze([...copartitioned]),
        generatedNames: Object.freeze({
          changelogTopics: Object.freeze([...changelogTopics]),
          stores: Object.freeze([...stores]),
          repartitionTopics: Object.freeze([...repartitionTopics]),
        }),
        nameIndex,
      }),
  }
}
