/**
 * The stages of a record's way, in its order, and which function belongs to which. A frame of the profile belongs to the
 * first rule that it meets; one that meets none belongs to the stage of its caller, so that what many stages use (bytes,
 * Node, RocksDB's own code) counts where it was called from.
 */
export const stageNames = [
  'fetch',
  'decode',
  'choose',
  'step',
  'store get',
  'store put',
  'encode',
  'produce',
  'commit: flush',
  'commit: changelog',
  'commit: log',
  'commit: state',
  'loop',
  'log owner',
  'collector',
  'native',
  'unattributed',
] as const
export type Stage = (typeof stageNames)[number]

export const stageTexts: Readonly<Record<Stage, string>> = {
  fetch: 'asks the log, takes batches apart into records, queues them',
  decode: 'key and value of an input to objects, timestamp',
  choose: 'which partition is next',
  step: "the operators and the user's functions",
  'store get': 'reads of state, from memory or from RocksDB',
  'store put': 'writes of state into the write buffer',
  encode: 'key and value of an output to bytes',
  produce: "outputs into the producer's buffers",
  'commit: flush': 'record caches',
  'commit: changelog': 'each dirty key to bytes, into changelog and batch',
  'commit: log': 'the transaction: handed to the log, and waited for',
  'commit: state': 'batches to RocksDB or to the waiting writes',
  loop: "the stream thread's round, timers, messages",
  'log owner': 'main thread: appends, syncs, serves fetches',
  collector: 'garbage collection on the threads themselves',
  native: "outside of JavaScript, of no function: start-up, compiler, Node's own code",
  unattributed: 'functions that no rule knows',
}

type Rule = {
  readonly stage: Stage
  /** The end of the file's path, or a folder in it (with / at its end). */
  readonly file: string
  /** Absent: all functions of the file. */
  readonly functions?: readonly string[]
  /** Not below these: what is a stage of its own there is a part of that one here. */
  readonly notWithin?: readonly Stage[]
}

const COMMIT: readonly Stage[] = ['commit: flush', 'commit: changelog', 'commit: log', 'commit: state']
const STATE: readonly Stage[] = ['store get', 'store put', ...COMMIT]
const READS = ['get', '#read', 'getMany', 'fetch', 'iterate', 'next', 'prev', 'all', 'range', 'isEmpty', 'openIterator']

export const rules: readonly Rule[] = [
  // Reading. The bytes of state are decoded within `store get`.
  { stage: 'decode', file: 'streams/runtime/read-part.ts' },
  { stage: 'decode', file: 'streams/runtime/task.ts', functions: ['#readRecord', '#extractTimestamp', 'read'] },
  { stage: 'decode', file: 'streams/runtime/prepare-records.ts' },
  { stage: 'choose', file: 'streams/runtime/partition-group.ts' },
  { stage: 'choose', file: 'streams/runtime/task.ts', functions: ['canProcess'] },
  { stage: 'fetch', file: 'streams/runtime/record-queue.ts', functions: ['add', 'recordBytes'], notWithin: ['choose'] },
  { stage: 'choose', file: 'streams/runtime/record-queue.ts' },
  { stage: 'fetch', file: 'streams/runtime/task.ts', functions: ['addRecords'] },
  {
    stage: 'fetch',
    file: 'streams/runtime/stream-thread.ts',
    functions: ['#poll', '#addToTask', '#prepare', '#sourceOf', '#waitMs', '#resumeDrained', '#pollEmptyInputs'],
  },
  { stage: 'fetch', file: 'connectors/embedded-log/consumer.ts' },
  { stage: 'fetch', file: 'connectors/embedded-log/batch-decoder.ts' },
  { stage: 'fetch', file: 'connectors/embedded-log/message-port.ts', functions: ['unpack'] },

  // The commit. What its parts call belongs to them, so they stand before what they call.
  { stage: 'commit: flush', file: 'streams/runtime/task-stores.ts', functions: ['flushCaches'] },
  { stage: 'commit: changelog', file: 'streams/runtime/task-stores.ts', functions: ['prepareCommit'] },
  { stage: 'commit: changelog', file: 'streams/runtime/task.ts', functions: ['prepareCommit', 'needsCommit'] },
  { stage: 'commit: state', file: 'streams/runtime/task.ts', functions: ['committed'] },
  {
    stage: 'commit: state',
    file: 'streams/runtime/task-stores.ts',
    functions: ['committed', 'flushWaiting', '#writeWithPositions', '#isToWait', 'aborted', 'writeNow', 'savePosition'],
  },
  { stage: 'commit: state', file: 'streams/runtime/stream-thread.ts', functions: ['#flushState'] },
  { stage: 'commit: log', file: 'streams/runtime/stream-thread.ts', functions: ['#commit'] },
  {
    stage: 'commit: log',
    file: 'connectors/embedded-log/producer.ts',
    functions: ['commitTransaction', '#takeSubmission', '#call', '#discardFilled', '#submit', 'flush', 'commitOffsets'],
  },
  { stage: 'commit: log', file: 'connectors/embedded-log/batch-encoder.ts', functions: ['finish', 'reset'] },

  // The step.
  { stage: 'produce', file: 'connectors/embedded-log/producer.ts', notWithin: COMMIT },
  { stage: 'produce', file: 'connectors/embedded-log/batch-encoder.ts', notWithin: COMMIT },
  { stage: 'produce', file: 'streams/runtime/log-collector.ts', notWithin: COMMIT },
  { stage: 'encode', file: 'streams/runtime/node-instance.ts', functions: ['#serialize'], notWithin: STATE },
  {
    stage: 'produce',
    file: 'streams/runtime/node-instance.ts',
    functions: ['#send', '#write', '#defaultPartition'],
    notWithin: STATE,
  },
  { stage: 'store get', file: 'streams/stores/', functions: READS, notWithin: STATE },
  { stage: 'store get', file: 'state-stores/', functions: READS, notWithin: STATE },
  { stage: 'store put', file: 'streams/stores/', notWithin: STATE },
  { stage: 'store put', file: 'state-stores/', notWithin: STATE },
  { stage: 'step', file: 'streams/processors/', notWithin: STATE },
  { stage: 'step', file: 'streams/dsl/', notWithin: STATE },
  { stage: 'step', file: 'streams/runtime/node-instance.ts' },
  { stage: 'step', file: 'streams/runtime/node-context.ts' },
  { stage: 'step', file: 'streams/runtime/task.ts' },
  { stage: 'step', file: 'streams/runtime/task-metrics.ts' },
  { stage: 'step', file: 'bench/topologies/', notWithin: [...STATE, 'decode', 'encode', 'produce'] },

  // What is left of the threads.
  { stage: 'loop', file: 'streams/runtime/', notWithin: stageNames.filter((stage) => stage !== 'loop') },
  { stage: 'loop', file: 'host/', notWithin: stageNames.filter((stage) => stage !== 'loop') },
  { stage: 'log owner', file: 'connectors/embedded-log/', notWithin: ['fetch', 'produce', ...COMMIT] },
]

export type Frame = { readonly functionName: string; readonly url: string }

/** The files of the product are told by where they lie below this. */
const root = new URL('../../', import.meta.url).href

/** The path below the repository, or what it is called elsewhere. */
export function fileOf(url: string): string {
  const path = url.startsWith(root) ? url.slice(root.length) : url
  const query = path.indexOf('?')
  return query < 0 ? path : path.slice(0, query)
}

const own: Readonly<Record<string, Stage>> = {
  '(garbage collector)': 'collector',
  '(program)': 'native',
}

/** Undefined: the stage of its caller. */
export function stageOf({ functionName, url }: Frame, caller: Stage | undefined): Stage | undefined {
  if (url === '') return own[functionName]
  const file = fileOf(url)
  for (const rule of rules) {
    const isThere = rule.file.endsWith('/') ? file.startsWith(rule.file) : file === rule.file
    if (!isThere || rule.functions?.includes(nameWithoutKind(functionName)) === false) continue
    if (caller !== undefined && rule.notWithin?.includes(caller) === true) continue
    return rule.stage
  }
  return undefined
}

/** V8 puts `get ` and `set ` before accessors, and the receiver's class before some methods. */
function nameWithoutKind(name: string): string {
  return name.slice(Math.max(name.lastIndexOf(' '), name.lastIndexOf('.')) + 1)
}
