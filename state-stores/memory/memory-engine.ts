import { assert, type Bytes, StreamsError } from '#streams/base'
import type { EngineIterator, KeyRange, Keyspace, StateDatabase, StateEngine, WriteBatch } from '#streams/ports'
import { SortedTree, TreeCursor } from './sorted-tree.ts'

/**
 * State in memory: for tests, the simulator and the test driver. A database outlives its closing as long as the engine
 * object lives, which is what a disk does in a simulated crash: drop everything but the engine, open again.
 */
export type MemoryEngine = StateEngine & {
  /**
   * An engine with the same databases as of now, none of them open: what another process would find after this one
   * died. Nothing is shared with this engine.
   */
  crashClone(): MemoryEngine
}

type Trees = Map<string, SortedTree>

/** One database that belongs to nobody else: for the test driver, which opens its stores synchronously. */
export function createMemoryDatabase(name: string, keyspaces: readonly string[]): StateDatabase {
  const trees: Trees = new Map(keyspaces.map((keyspace) => [keyspace, new SortedTree()]))
  return new MemoryDatabase(name, keyspaces, trees, () => {})
}

export function createMemoryEngine(): MemoryEngine {
  return engineOver(new Map())
}

function engineOver(stored: Map<string, Trees>): MemoryEngine {
  const open = new Set<string>()
  return {
    name: 'memory',
    persistent: false,
    async open(name, keyspaces) {
      if (open.has(name)) {
        throw new StreamsError(
          'DIRECTORY_LOCKED',
          `State database ${name} is already open. Close it before opening it.`,
        )
      }
      const trees = stored.get(name) ?? new Map<string, SortedTree>()
      stored.set(name, trees)
      for (const keyspace of keyspaces) if (!trees.has(keyspace)) trees.set(keyspace, new SortedTree())
      open.add(name)
      return new MemoryDatabase(name, keyspaces, trees, () => open.delete(name))
    },
    list: async () => [...stored.keys()].sort(),
    async destroy(name) {
      assert(!open.has(name), `state database ${name} is destroyed while open`)
      stored.delete(name)
    },
    async close() {
      assert(open.size === 0, `the memory engine is closed while ${[...open].join(', ')} is open`)
    },
    crashClone() {
      const cloned = new Map<string, Trees>()
      for (const [name, trees] of stored) {
        cloned.set(name, new Map([...trees].map(([keyspace, tree]) => [keyspace, copyOf(tree)])))
      }
      return engineOver(cloned)
    },
  }
}

function copyOf(tree: SortedTree): SortedTree {
  const copy = new SortedTree()
  const cursor = new TreeCursor(tree.snapshot(), {}, false)
  while (cursor.next()) copy.put(cursor.key, cursor.value)
  return copy
}

class MemoryDatabase implements StateDatabase {
  readonly name: string
  readonly #keyspaces = new Map<string, MemoryKeyspace>()
  readonly #release: () => void
  iteratorsOpen = 0
  isClosed = false

  constructor(name: string, keyspaces: readonly string[], trees: Trees, release: () => void) {
    this.name = name
    this.#release = release
    for (const keyspace of keyspaces) {
      this.#keyspaces.set(keyspace, new MemoryKeyspace(this, keyspace, trees.get(keyspace) as SortedTree))
    }
  }

  keyspace(name: string): Keyspace {
    const keyspace = this.#keyspaces.get(name)
    assert(keyspace !== undefined, `keyspace ${name} was not named when state database ${this.name} was opened`)
    return keyspace
  }

  batch(): WriteBatch {
    return new MemoryBatch(this)
  }

  stats(): { readonly bytesOnDisk: number; readonly bytesInMemory: number } {
    let bytesInMemory = 0
    for (const keyspace of this.#keyspaces.values()) bytesInMemory += keyspace.tree.bytes
    return { bytesOnDisk: 0, bytesInMemory }
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    assert(this.iteratorsOpen === 0, `state database ${this.name} is closed with ${this.iteratorsOpen} open iterators`)
    this.isClosed = true
    this.#release()
  }

  requireOpen(): void {
    if (this.isClosed) throw new StreamsError('CLOSED', `State database ${this.name} is closed.`)
  }
}

class MemoryKeyspace implements Keyspace {
  readonly name: string
  readonly database: MemoryDatabase
  readonly tree: SortedTree

  constructor(database: MemoryDatabase, name: string, tree: SortedTree) {
    this.database = database
    this.name = name
    this.tree = tree
  }

  get(key: Bytes): Bytes | undefined {
    this.database.requireOpen()
    return this.tree.get(key)
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    this.database.requireOpen()
    const values: (Bytes | undefined)[] = new Array(keys.length)
    for (let i = 0; i < keys.length; i++) values[i] = this.tree.get(keys[i] as Bytes)
    return values
  }

  iterate(range: KeyRange): EngineIterator {
    this.database.requireOpen()
    return new MemoryIterator(this.database, new TreeCursor(this.tree.snapshot(), range, range.reverse === true))
  }

  approximateCount(): number {
    return this.tree.count
  }
}

class MemoryIterator implements EngineIterator {
  readonly #database: MemoryDatabase
  readonly #cursor: TreeCursor
  #isClosed = false

  constructor(database: MemoryDatabase, cursor: TreeCursor) {
    this.#database = database
    this.#cursor = cursor
    database.iteratorsOpen++
  }

  get key(): Bytes {
    return this.#cursor.key
  }

  get value(): Bytes {
    return this.#cursor.value
  }

  next(): boolean {
    assert(!this.#isClosed, 'an iterator is moved after it was closed')
    return this.#cursor.next()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#database.iteratorsOpen--
  }
}

type Operation = 'put' | 'delete' | 'delete-range'

class MemoryBatch implements WriteBatch {
  readonly #database: MemoryDatabase
  #operations: Operation[] = []
  #trees: SortedTree[] = []
  #keys: Bytes[] = []
  #values: (Bytes | undefined)[] = []

  constructor(database: MemoryDatabase) {
    this.#database = database
  }

  put(keyspace: Keyspace, key: Bytes, value: Bytes): void {
    this.#add('put', keyspace, key, value)
  }

  delete(keyspace: Keyspace, key: Bytes): void {
    this.#add('delete', keyspace, key, undefined)
  }

  deleteRange(keyspace: Keyspace, from: Bytes, to: Bytes | undefined): void {
    this.#add('delete-range', keyspace, from, to)
  }

  #add(operation: Operation, keyspace: Keyspace, key: Bytes, value: Bytes | undefined): void {
    assert(
      keyspace instanceof MemoryKeyspace && keyspace.database === this.#database,
      `keyspace ${keyspace.name} is of another database than the batch`,
    )
    this.#operations.push(operation)
    this.#trees.push(keyspace.tree)
    this.#keys.push(key)
    this.#values.push(value)
  }

  write(): void {
    this.#database.requireOpen()
    for (let i = 0; i < this.#operations.length; i++) {
      const tree = this.#trees[i] as SortedTree
      const key = this.#keys[i] as Bytes
      switch (this.#operations[i] as Operation) {
        case 'put':
          // Copies: the caller may use its buffers again.
          tree.put(Uint8Array.prototype.slice.call(key), Uint8Array.prototype.slice.call(this.#values[i] as Bytes))
          break
        case 'delete':
          tree.delete(key)
          break
        case 'delete-range':
          deleteRange(tree, key, this.#values[i])
      }
    }
    this.#operations = []
    this.#trees = []
    this.#keys = []
    this.#values = []
  }
}

function deleteRange(tree: SortedTree, from: Bytes, to: Bytes | undefined): void {
  const cursor = new TreeCursor(tree.snapshot(), { from, to }, false)
  while (cursor.next()) tree.delete(cursor.key)
}
