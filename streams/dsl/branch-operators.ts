import { branch } from '../processors/branch.ts'
import { passThrough } from '../processors/pass-through.ts'
import { checkName } from '../topology/names.ts'
import type { BranchedKStream } from './branched.ts'
import { newStream, type StreamHandle } from './handles.ts'
import type { Erased } from './plan.ts'
import { processorData } from './processor-data.ts'

/** Java: BranchedKStreamImpl. The splitting node grows with each branch; each branch is a node of its own. */
type Split = {
  readonly stream: StreamHandle
  readonly name: string
  readonly node: number
  /** In the order in which they were added; they belong to the node, so all handles of one split share them. */
  readonly predicates: Erased[]
  readonly childNames: string[]
}

export function splitStream(stream: StreamHandle, options: Erased): BranchedKStream<Erased, Erased, Erased> {
  const { recorder } = stream
  const name = recorder.nodeName(options?.name, 'KSTREAM-BRANCH-')
  const data = processorData({ supplier: branch({ predicates: [], childNames: [] }) })
  const node = recorder.add(name, [stream.node], data)
  return createBranched({ stream, name, node, predicates: [], childNames: [] }, {})
}

function createBranched(split: Split, branches: Readonly<Record<string, unknown>>): Erased {
  return Object.freeze({
    branch: (predicate: Erased, options: Erased = {}) => {
      split.predicates.push(predicate)
      const result = addBranch(split, options, String(split.predicates.length))
      return createBranched(split, withBranch(branches, options.name, result))
    },
    defaultBranch: (options: Erased = {}) =>
      withBranch(branches, options.name ?? 'default', addBranch(split, options, '0')),
    noDefaultBranch: () => branches,
  })
}

function withBranch(branches: Readonly<Record<string, unknown>>, name: string | undefined, result: unknown) {
  return name === undefined || result === undefined ? branches : Object.freeze({ ...branches, [name]: result })
}

function addBranch(split: Split, { name, chain }: Erased, index: string): unknown {
  const { stream, childNames, predicates } = split
  const { recorder } = stream
  const childName = checkName('Branch', split.name + (name ?? index))
  childNames.push(childName)
  recorder.update(
    split.node,
    processorData({ supplier: branch({ predicates: [...predicates], childNames: [...childNames] }) }),
  )
  // A number is counted although the name does not hold it.
  recorder.generate(childName)
  const node = recorder.add(childName, [split.node], processorData({ supplier: passThrough() }))
  const child = newStream({ ...stream, node, name: childName })
  return chain === undefined ? child : chain(child)
}
