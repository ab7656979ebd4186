import { type Bytes, compareBytes } from '#streams/base'

/**
 * A B+-tree of byte strings with snapshots in constant time. Every node carries the epoch in which it was made; taking
 * a snapshot starts a new epoch, and a writer copies a node of an older epoch before it changes it. So a snapshot is
 * the root as of then, needs no release and costs nothing while nobody writes.
 *
 * Invariants: separators[i] is <= every key of children[i + 1] and > every key of children[i]. No node but the root is
 * empty. Nodes are not merged before they are empty: stores that shrink grow again, and a merge would copy more.
 */
const NODE_ENTRIES_MAX = 64

type Leaf = {
  readonly leaf: true
  epoch: number
  keys: Bytes[]
  values: Bytes[]
}
type Branch = {
  readonly leaf: false
  epoch: number
  separators: Bytes[]
  children: Node[]
}
type Node = Leaf | Branch

export type TreeSnapshot = Node

export class SortedTree {
  #root: Node = { leaf: true, epoch: 0, keys: [], values: [] }
  #epoch = 0
  #count = 0
  #bytes = 0

  get count(): number {
    return this.#count
  }

  /** Bytes of all keys and values, without the tree's own. */
  get bytes(): number {
    return this.#bytes
  }

  snapshot(): TreeSnapshot {
    this.#epoch++
    return this.#root
  }

  get(key: Bytes): Bytes | undefined {
    let node = this.#root
    while (!node.leaf) node = node.children[upperBound(node.separators, key)] as Node
    const index = lowerBound(node.keys, key)
    const found = node.keys[index]
    return found !== undefined && compareBytes(found, key) === 0 ? node.values[index] : undefined
  }

  put(key: Bytes, value: Bytes): void {
    this.#root = this.#own(this.#root)
    const split = this.#putInto(this.#root, key, value)
    if (split === undefined) return
    this.#root = {
      leaf: false,
      epoch: this.#epoch,
      separators: [split.separator],
      children: [this.#root, split.right],
    }
  }

  delete(key: Bytes): void {
    if (this.get(key) === undefined) return
    this.#root = this.#own(this.#root)
    this.#deleteFrom(this.#root, key)
    while (!this.#root.leaf && this.#root.children.length === 1) this.#root = this.#root.children[0] as Node
  }

  /** The node itself if it was made in this epoch, else a copy that may be changed. */
  #own(node: Node): Node {
    if (node.epoch === this.#epoch) return node
    return node.leaf
      ? {
          leaf: true,
          epoch: this.#epoch,
          keys: node.keys.slice(),
          values: node.values.slice(),
        }
      : {
          leaf: false,
          epoch: this.#epoch,
          separators: node.separators.slice(),
          children: node.children.slice(),
        }
  }

  #putInto(node: Node, key: Bytes, value: Bytes): { separator: Bytes; right: Node } | undefined {
    if (node.leaf) {
      const index = lowerBound(node.keys, key)
      const found = node.keys[index]
      if (found !== undefined && compareBytes(found, key) === 0) {
        this.#bytes += value.length - (node.values[index] as Bytes).length
        node.values[index] = value
        return undefined
      }
      node.keys.splice(index, 0, key)
      node.values.splice(index, 0, value)
      this.#count++
      this.#bytes += key.length + value.length
      return node.keys.length > NODE_ENTRIES_MAX ? this.#splitLeaf(node, index) : undefined
    }
    const index = upperBound(node.separators, key)
    const child = this.#own(node.children[index] as Node)
    node.children[index] = child
    const split = this.#putInto(child, key, value)
    if (split === undefined) return undefined
    node.separators.splice(index, 0, split.separator)
    node.children.splice(index + 1, 0, split.right)
    return node.children.length > NODE_ENTRIES_MAX ? this.#splitBranch(node) : undefined
  }

  /** Appending in key order leaves full leaves behind, instead of half full ones. */
  #splitLeaf(node: Leaf, inserted: number): { separator: Bytes; right: Node } {
    const middle = inserted === node.keys.length - 1 ? inserted : node.keys.length >> 1
    const right: Leaf = {
      leaf: true,
      epoch: this.#epoch,
      keys: node.keys.splice(middle),
      values: node.values.splice(middle),
    }
    return { separator: right.keys[0] as Bytes, right }
  }

  #splitBranch(node: Branch): { separator: Bytes; right: Node } {
    const middle = node.children.length >> 1
    const children = node.children.splice(middle)
    const separators = node.separators.splice(middle)
    const separator = node.separators.pop() as Bytes
    return {
      separator,
      right: { leaf: false, epoch: this.#epoch, separators, children },
    }
  }

  /** True if the node is empty afterwards: its parent drops it. */
  #deleteFrom(node: Node, key: Bytes): boolean {
    if (node.leaf) {
      const index = lowerBound(node.keys, key)
      this.#bytes -= key.length + (node.values[index] as Bytes).length
      this.#count--
      node.keys.splice(index, 1)
      node.values.splice(index, 1)
      return node.keys.length === 0
    }
    const index = upperBound(node.separators, key)
    const child = this.#own(node.children[index] as Node)
    node.children[index] = child
    if (!this.#deleteFrom(child, key)) return false
    node.children.splice(index, 1)
    node.separators.splice(Math.max(0, index - 1), 1)
    return node.children.length === 0
  }
}

/** First index whose key is >= `key`. */
function lowerBound(keys: readonly Bytes[], key: Bytes): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareBytes(keys[middle] as Bytes, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** First index whose key is > `key`. */
function upperBound(keys: readonly Bytes[], key: Bytes): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareBytes(keys[middle] as Bytes, key) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

export type TreeRange = {
  readonly from?: Bytes | undefined
  readonly to?: Bytes | undefined
}

/** Walks [from, to) of a snapshot in one direction. */
export class TreeCursor {
  readonly #branches: Branch[] = []
  readonly #indexes: number[] = []
  readonly #step: 1 | -1
  readonly #bound: Bytes | undefined
  #leaf: Leaf | undefined
  #index = 0
  key!: Bytes
  value!: Bytes

  constructor(root: TreeSnapshot, range: TreeRange, reverse: boolean) {
    this.#step = reverse ? -1 : 1
    this.#bound = reverse ? range.from : range.to
    const start = reverse ? range.to : range.from
    let node = root
    while (!node.leaf) {
      const index = start === undefined ? (reverse ? node.children.length - 1 : 0) : upperBound(node.separators, start)
      this.#branches.push(node)
      this.#indexes.push(index)
      node = node.children[index] as Node
    }
    this.#leaf = node
    const at = start === undefined ? (reverse ? node.keys.length : 0) : lowerBound(node.keys, start)
    this.#index = reverse ? at - 1 : at
  }

  next(): boolean {
    while (this.#leaf !== undefined) {
      const key = this.#leaf.keys[this.#index]
      if (key === undefined) {
        this.#leaf = this.#nextLeaf()
        continue
      }
      if (this.#isPastBound(key)) break
      this.key = key
      this.value = this.#leaf.values[this.#index] as Bytes
      this.#index += this.#step
      return true
    }
    this.#leaf = undefined
    return false
  }

  #isPastBound(key: Bytes): boolean {
    if (this.#bound === undefined) return false
    const order = compareBytes(key, this.#bound)
    return this.#step === 1 ? order >= 0 : order < 0
  }

  #nextLeaf(): Leaf | undefined {
    let depth = this.#branches.length - 1
    while (depth >= 0) {
      const index = (this.#indexes[depth] as number) + this.#step
      const child = (this.#branches[depth] as Branch).children[index]
      if (child !== undefined) {
        this.#indexes[depth] = index
        return this.#descend(child, depth + 1)
      }
      depth--
    }
    return undefined
  }

  #descend(from: Node, depthFrom: number): Leaf {
    let node = from
    let depth = depthFrom
    while (!node.leaf) {
      const index = this.#step === 1 ? 0 : node.children.length - 1
      this.#branches[depth] = node
      this.#indexes[depth] = index
      node = node.children[index] as Node
      depth++
    }
    this.#index = this.#step === 1 ? 0 : node.keys.length - 1
    return node
  }
}
