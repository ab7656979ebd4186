import { createMemoryDatabase } from '#state-stores'
import { assert, type TaskId } from '#streams/base'
import { type LogRecord, NO_METRICS, SILENT_LOGGER, type StateDatabase } from '#streams/ports'
import { GlobalTask, POSITIONS_KEYSPACE, type RecordCollector, type StreamTask } from '#streams/runtime'
import { sortedTasks } from '../group.ts'
import type { Attempt, CommittedWork, SentRecord, TaskEvent } from '../registry.ts'
import type { FinishedRun } from './finished-run.ts'
import { sameBytes } from './history.ts'
import { type Globals, openScratchTask, SetClock, storesOf } from './scratch-task.ts'
import { checkStores } from './stores.ts'

const latin1 = new TextDecoder('latin1')

/**
 * The sequential oracle: each task does its committed work once more, from the first record to the last, in a single
 * life without a crash, a restore or a rebalance. What it sends must be what the log has of it: record for record, in
 * order, changelogs too. Which input came first among several is taken from the run, since nothing else decides it.
 */
export async function checkReplay(run: FinishedRun, committed: readonly Attempt[]): Promise<void> {
  const work = new Map<TaskId, CommittedWork[]>()
  const sent = new Map<TaskId, SentRecord[]>()
  for (const attempt of committed) {
    for (const each of attempt.work) listOf(work, each.task).push(each)
    for (const record of attempt.sent) if (record.task !== undefined) listOf(sent, record.task).push(record)
  }
  const global = await openGlobal(run)
  for (const task of sortedTasks(run.resolved.tasks)) {
    const replay = new TaskReplay(run, task, global, work.get(task) ?? [])
    replay.run()
    compare(run, task, sent.get(task) ?? [], replay.sent)
    await checkStores(run, task, replay.database)
    replay.close()
  }
}

/**
 * At-least-once: every record before the committed offset that a task does not drop was in some acknowledged work, and
 * where a task keeps no state, all that it makes of them is in the log, at least once. (What comes after that offset is
 * for the next start: a request that was delayed may bring records when everybody is about to stop.)
 */
export async function checkNothingLeftOut(
  run: FinishedRun,
  processed: ReadonlyMap<string, ReadonlySet<number>>,
): Promise<void> {
  const global = await openGlobal(run)
  for (const task of sortedTasks(run.resolved.tasks)) {
    const replay = new TaskReplay(run, task, global, [])
    replay.findLeftOut((name, offset) => processed.get(name)?.has(offset) === true)
    if (storesOf(run.resolved, task).length === 0) checkSuperset(run, task, replay.sent)
    replay.close()
  }
}

function checkSuperset(
  { world, config, partitions }: FinishedRun,
  task: TaskId,
  expected: readonly SentRecord[],
): void {
  const places = new Map<string, number>()
  // Records without a key go to the partitions in turn.
  const nameOf = ({ topic, partition, key }: SentRecord): string => (key === null ? topic : `${topic}/${partition}`)
  const add = (name: string, record: SentRecord | LogRecord, count: number): number => {
    const text = `${name} ${contentOf(record)}`
    const sum = (places.get(text) ?? 0) + count
    places.set(text, sum)
    return sum
  }
  for (const record of expected) if (record.topic !== config.deadLetterTopic) add(nameOf(record), record, 1)
  for (const { topic, partition, records } of partitions.values()) {
    for (const { record, tag } of records)
      if (tag !== undefined) add(record.key === null ? topic : `${topic}/${partition}`, record, -1)
  }
  for (const record of expected) {
    const missing = add(nameOf(record), record, 0)
    if (missing <= 0) continue
    world.violation(
      'superset',
      `task ${task} made ${textOf(record)} for ${record.topic}; the log lacks it ${missing} times`,
    )
    return
  }
}

function listOf<K, T>(lists: Map<K, T[]>, key: K): T[] {
  const found = lists.get(key) ?? []
  lists.set(key, found)
  return found
}

function compare({ world, config }: FinishedRun, task: TaskId, actual: SentRecord[], expected: SentRecord[]): void {
  const topics = new Set([...actual, ...expected].map(({ topic }) => topic))
  for (const topic of topics) {
    const left = actual.filter((record) => record.topic === topic)
    const right = expected.filter((record) => record.topic === topic)
    // Dead letters are written when a record is read ahead, so that those of two inputs come in any order.
    if (topic === config.deadLetterTopic) for (const records of [left, right]) records.sort(byText)
    const count = Math.max(left.length, right.length)
    for (let at = 0; at < count; at++) {
      const one = left[at]
      const other = right[at]
      if (one !== undefined && other !== undefined && isSame(one, other)) continue
      world.violation(
        'replay',
        `task ${task}, record ${at} of ${topic}: the log has ${textOf(one)}, undisturbed it is ${textOf(other)}`,
      )
      break
    }
  }
}

function isSame(left: SentRecord, right: SentRecord): boolean {
  return (
    sameBytes(left.key, right.key) &&
    sameBytes(left.value, right.value) &&
    left.timestampMs === right.timestampMs &&
    // Records without a key go to the partitions in turn, and a restart begins a new turn.
    (left.partition === right.partition || left.key === null)
  )
}

function byText(left: SentRecord, right: SentRecord): number {
  return textOf(left) < textOf(right) ? -1 : 1
}

function textOf(record: SentRecord | undefined): string {
  return record === undefined ? 'nothing' : `${contentOf(record)} in partition ${record.partition}`
}

function contentOf({ key, value, timestampMs }: Pick<LogRecord, 'key' | 'value' | 'timestampMs'>): string {
  const show = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : JSON.stringify(latin1.decode(bytes)))
  return `${show(key)}=${show(value)}@${timestampMs}`
}

async function openGlobal({ resolved, config, partitions }: FinishedRun): Promise<Globals> {
  if (resolved.globalStores.length === 0) return new Map()
  const names = resolved.globalStores.map(({ store }) => store.storeName)
  const task = new GlobalTask({
    topology: resolved,
    config,
    clock: new SetClock(),
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
    database: createMemoryDatabase('global', [POSITIONS_KEYSPACE, ...names]),
  })
  for (const { topic, partition, records, endOffset } of partitions.values()) {
    if (!task.topics.includes(topic) || records.length === 0) continue
    task.update(
      { topic, partition, offset: endOffset },
      records.map(({ record }) => record),
    )
  }
  return task.globalStores
}

class TaskReplay {
  readonly sent: SentRecord[] = []
  readonly database: StateDatabase
  readonly #run: FinishedRun
  readonly #work: readonly CommittedWork[]
  readonly #clock = new SetClock()
  readonly #task: StreamTask
  /** Per input: its records, and how far they were given to the task. */
  readonly #inputs = new Map<string, { readonly records: readonly LogRecord[]; at: number }>()
  readonly #produced = new Map<string, number>()

  constructor(run: FinishedRun, id: TaskId, globals: Globals, work: readonly CommittedWork[]) {
    this.#run = run
    this.#work = work
    this.#clock.nowMs = work[0]?.startedMs ?? 0
    const { task, database, inputs } = openScratchTask(run, id, {
      collector: this.#collector,
      clock: this.#clock,
      globals,
    })
    this.#task = task
    this.database = database
    for (const input of inputs) {
      const name = `${input.topic}/${input.partition}`
      this.#inputs.set(name, { records: (run.partitions.get(name)?.records ?? []).map(({ record }) => record), at: 0 })
    }
    task.start()
  }

  readonly #collector: RecordCollector = {
    send: (topic, partition, key, value, timestampMs, headers) => {
      this.sent.push({ task: undefined, topic, partition, key, value, timestampMs, headers })
      const name = `${topic}/${partition}`
      this.#produced.set(name, (this.#produced.get(name) ?? 0) + 1)
    },
    partitionCount: (topic) =>
      this.#run.resolved.internalTopics.find(({ name }) => name === topic)?.partitions ??
      this.#run.world.plan.partitions,
    producedOffset: (topic, partition) => this.#produced.get(`${topic}/${partition}`),
  }

  run(): void {
    for (const { events, wallClockMs } of this.#work) {
      for (const event of events) this.#repeat(event)
      this.#clock.nowMs = wallClockMs
      this.#commit()
    }
    for (const name of this.#inputs.keys()) this.#giveUntil(name, Number.POSITIVE_INFINITY)
    this.#commit()
  }

  /** Gives every record to the task, and complains of those that it would process but that were not. */
  findLeftOut(isProcessed: (name: string, offset: number) => boolean): void {
    for (const [name, input] of this.#inputs) {
      const committed = this.#run.offsets.get(name) ?? 0
      for (const { offset } of input.records) {
        if (offset >= committed) break
        this.#give(name, offset)
        if (!this.#task.group.hasRecords()) continue
        if (!isProcessed(name, offset)) this.#violation(`${name}@${offset} was never processed`)
        this.#task.processNext()
      }
    }
  }

  close(): void {
    this.#task.close()
  }

  #commit(): void {
    this.#task.prepareCommit()
    this.#task.committed()
  }

  #repeat(event: TaskEvent): void {
    this.#clock.nowMs = event.wallClockMs
    if (event.kind === 'punctuation') {
      this.#task.punctuateWallClock()
      return
    }
    const name = `${event.topic}/${event.partition}`
    this.#giveUntil(name, event.offset)
    const isGiven = this.#give(name, event.offset)
    if (!isGiven) this.#violation(`${name}@${event.offset} was processed, but the log does not have it`)
    else if (!this.#task.processNext())
      this.#violation(`${name}@${event.offset} was processed, undisturbed it is dropped`)
  }

  /** What lies before the offset was passed over: only what the task itself drops may be. */
  #giveUntil(name: string, offset: number): void {
    const input = this.#inputs.get(name)
    assert(input !== undefined, `${name} is an input of ${this.#task.id}`)
    while ((input.records[input.at]?.offset ?? Number.POSITIVE_INFINITY) < offset) {
      const next = input.records[input.at]?.offset as number
      this.#give(name, next)
      if (!this.#task.group.hasRecords()) continue
      this.#violation(`${name}@${next} was never processed`)
      this.#task.processNext()
    }
  }

  #give(name: string, offset: number): boolean {
    const input = this.#inputs.get(name)
    const record = input?.records[input.at]
    if (input === undefined || record === undefined || record.offset !== offset) return false
    input.at++
    const [topic = '', partition = ''] = name.split('/')
    this.#task.addRecords(topic, Number(partition), [record], offset + 1, offset + 1)
    return true
  }

  #violation(message: string): void {
    this.#run.world.violation('replay', `task ${this.#task.id}: ${message}`)
  }
}
