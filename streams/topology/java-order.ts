/**
 * The order in which Java's collections hand out strings. `describe()` must print Java's text byte for byte, and that
 * text lists store and topic names in the order of a `HashSet` and neighbours in the order of a `TreeSet` whose keys
 * (sizes of the sub-trees) still change while it is filled. Nothing else may depend on this file.
 */

const CAPACITY_MIN = 16
const LOAD_FACTOR = 0.75

/** java.lang.String.hashCode, spread as java.util.HashMap does. */
function spreadHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash ^ (hash >>> 16)
}

function inBucketOrder(names: readonly string[], capacity: number): readonly string[] {
  // Within a bucket Java keeps the order of insertion, also when the table grows; a stable sort does the same.
  return [...new Set(names)]
    .map((name) => ({ name, bucket: spreadHash(name) & (capacity - 1) }))
    .sort((left, right) => left.bucket - right.bucket)
    .map(({ name }) => name)
}

/** Iteration order of a HashSet or HashMap that was filled one by one from its default size. */
export function hashOrder(names: Iterable<string>): readonly string[] {
  const unique = [...new Set(names)]
  let capacity = CAPACITY_MIN
  while (unique.length > capacity * LOAD_FACTOR) capacity *= 2
  return inBucketOrder(unique, capacity)
}

/** Iteration order of `new HashSet<>(collection)`, which sizes its table from the collection. */
export function hashOrderOfCopy(names: Iterable<string>): readonly string[] {
  const unique = [...new Set(names)]
  const wanted = Math.max(Math.floor(unique.length / LOAD_FACTOR) + 1, CAPACITY_MIN)
  let capacity = CAPACITY_MIN
  while (capacity < wanted) capacity *= 2
  return inBucketOrder(unique, capacity)
}

type Entry<T> = {
  readonly item: T
  left: Entry<T> | undefined
  right: Entry<T> | undefined
  parent: Entry<T> | undefined
  isRed: boolean
}

/**
 * A red-black tree that balances exactly as java.util.TreeMap: since the order of its items may change after they were
 * inserted, the place of a new item depends on the shape of the tree.
 */
export type OrderedTree<T> = { add(item: T): void; items(): readonly T[] }

export function createOrderedTree<T>(compare: (left: T, right: T) => number): OrderedTree<T> {
  let root: Entry<T> | undefined

  const replaceInParent = (old: Entry<T>, replacement: Entry<T>): void => {
    replacement.parent = old.parent
    if (old.parent === undefined) root = replacement
    else if (old.parent.left === old) old.parent.left = replacement
    else old.parent.right = replacement
    old.parent = replacement
  }
  const rotateLeft = (entry: Entry<T> | undefined): void => {
    const right = entry?.right
    if (entry === undefined || right === undefined) return
    entry.right = right.left
    if (right.left !== undefined) right.left.parent = entry
    replaceInParent(entry, right)
    right.left = entry
  }
  const rotateRight = (entry: Entry<T> | undefined): void => {
    const left = entry?.left
    if (entry === undefined || left === undefined) return
    entry.left = left.right
    if (left.right !== undefined) left.right.parent = entry
    replaceInParent(entry, left)
    left.right = entry
  }

  /** One step of java.util.TreeMap's fixAfterInsertion; returns the entry to look at next. */
  const balanceOnce = (entry: Entry<T>, parent: Entry<T>, grandparent: Entry<T>): Entry<T> => {
    const isParentLeft = parent === grandparent.left
    const uncle = isParentLeft ? grandparent.right : grandparent.left
    if (uncle?.isRed === true) {
      parent.isRed = false
      uncle.isRed = false
      grandparent.isRed = true
      return grandparent
    }
    const [rotateIn, rotateOut] = isParentLeft ? [rotateLeft, rotateRight] : [rotateRight, rotateLeft]
    const isInner = entry === (isParentLeft ? parent.right : parent.left)
    if (isInner) rotateIn(parent)
    const top = isInner ? entry : parent
    top.isRed = false
    grandparent.isRed = true
    rotateOut(grandparent)
    return isInner ? parent : entry
  }

  const balance = (inserted: Entry<T>): void => {
    let entry = inserted
    while (entry.parent?.isRed === true && entry.parent.parent !== undefined) {
      entry = balanceOnce(entry, entry.parent, entry.parent.parent)
    }
    if (root !== undefined) root.isRed = false
  }

  const add = (item: T): void => {
    let parent: Entry<T> | undefined
    let at = root
    let comparison = 0
    while (at !== undefined) {
      parent = at
      comparison = compare(item, at.item)
      if (comparison === 0) return
      at = comparison < 0 ? at.left : at.right
    }
    const entry: Entry<T> = {
      item,
      left: undefined,
      right: undefined,
      parent,
      isRed: true,
    }
    if (parent === undefined) root = entry
    else if (comparison < 0) parent.left = entry
    else parent.right = entry
    balance(entry)
  }

  const collect = (entry: Entry<T> | undefined, into: T[]): readonly T[] => {
    if (entry === undefined) return into
    collect(entry.left, into)
    into.push(entry.item)
    collect(entry.right, into)
    return into
  }
  return { add, items: () => collect(root, []) }
}
