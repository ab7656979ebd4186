import type { FaultName } from './faults.ts'

/**
 * Bugs that the simulator must find: each is one changed line of the engine, of the embedded log, or of what the
 * simulated brokers promise. Where a file changes so that its line is no longer there, the bug is planted anew.
 */
export type Mutant = {
  readonly name: string
  readonly file: string
  /** Occurs once in the file. */
  readonly find: string
  readonly replace: string
  /** Where it can show at all; default: any. */
  readonly log?: 'simulated' | 'embedded'
  readonly topology?: string
  readonly faults?: readonly FaultName[]
}

const THREAD = 'streams/runtime/stream-thread.ts'
const RESTORER = 'streams/runtime/state-restorer.ts'
const TASK = 'streams/runtime/task.ts'
const STORES = 'streams/runtime/task-stores.ts'
const STANDBY = 'streams/runtime/standby-task.ts'
const STANDBY_APPLIES = 'standby.stores.restore(changelog.storeName, records, nextOffset)'
const BROKERS = 'testing/simulation/log-core.ts'

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no-producer-fencing',
    file: BROKERS,
    find: 'if (state.epoch !== epoch) {',
    replace: 'if (state.epoch < epoch) {',
    log: 'simulated',
  },
  {
    name: 'no-member-fencing',
    file: 'testing/simulation/group.ts',
    find: 'if (task === undefined || this.#owners.get(task) === process) continue',
    replace: 'if (task !== undefined) continue',
    log: 'simulated',
  },
  {
    name: 'repeated-request-applied-again',
    file: BROKERS,
    find: 'if (state.lastRequest >= producer.request) return state.lastAnswer\n    const refused',
    replace: 'const refused',
    log: 'simulated',
  },
  {
    name: 'transaction-visible-before-commit',
    file: BROKERS,
    find: 'for (const transaction of state.open) end = Math.min(',
    replace: 'for (const transaction of []) end = Math.min(',
    log: 'simulated',
  },
  {
    name: 'dead-letters-outside-transaction',
    file: BROKERS,
    find: '      state.slots.push({ record: { offset, timestampMs, key, value, headers }, transaction, isRemoved: false })',
    replace:
      "      state.slots.push({ record: { offset, timestampMs, key, value, headers }, transaction: topic === 'dead-letters' ? undefined : transaction, isRemoved: false })",
    log: 'simulated',
    topology: 'dead_letters',
  },
  {
    name: 'restore-skips-last-record',
    file: RESTORER,
    find: 'task.stores.restore(changelog.storeName, records, nextOffset)',
    replace: 'task.stores.restore(changelog.storeName, records.slice(0, -1), nextOffset)',
  },
  {
    name: 'restore-from-the-end-after-wipe',
    file: RESTORER,
    find: 'const from = Math.max(position ?? start, start)',
    replace: 'const from = Math.max(position ?? end, start)',
  },
  {
    name: 'restore-of-uncommitted-records',
    file: RESTORER,
    find: "isolation: 'read_committed',",
    replace: "isolation: 'read_uncommitted',",
    log: 'simulated',
  },
  {
    name: 'source-table-restored-past-commit',
    file: RESTORER,
    find: 'changelog.isSource ? Math.min(logEnd, committedOffset(changelog.topic)) : logEnd',
    replace: 'logEnd',
  },
  {
    name: 'committed-offset-one-too-high',
    file: 'streams/runtime/record-queue.ts',
    find: 'return this.hasHead ? this.head.offset : this.#fetchedOffset',
    replace: 'return this.hasHead ? this.head.offset + 1 : this.#fetchedOffset',
  },
  {
    name: 'committed-offset-of-what-is-fetched',
    file: 'streams/runtime/record-queue.ts',
    find: 'return this.hasHead ? this.head.offset : this.#fetchedOffset',
    replace: 'return this.#fetchedOffset',
  },
  {
    name: 'stores-written-before-the-log-commits',
    file: THREAD,
    find: 'if (this.#isExactlyOnce()) await producer.commitTransaction(',
    replace:
      'for (const task of tasks) task.stores.committed(this.#collector, () => undefined)\n      if (this.#isExactlyOnce()) await producer.commitTransaction(',
  },
  {
    name: 'offsets-committed-without-changelog',
    file: STORES,
    find: 'collector.send(changelog.topic, changelog.partition, key, value, timestampMs, headers)',
    replace: 'void collector',
  },
  {
    name: 'lost-tasks-stay-in-the-transaction',
    file: THREAD,
    find: 'if (this.#isExactlyOnce()) await this.#producer?.abortTransaction()',
    replace: '',
    log: 'simulated',
    faults: ['missed-heartbeat'],
  },
  {
    name: 'revoked-tasks-not-committed',
    file: THREAD,
    find: 'if (revoked.length > 0) await this.#commit()',
    replace: '',
    log: 'simulated',
  },
  {
    name: 'position-one-ahead-of-data',
    file: STORES,
    find: 'entry.position = nextOffset\n',
    replace: 'entry.position = nextOffset + 1\n',
  },
  {
    name: 'waiting-writes-forgotten',
    file: 'streams/stores/write-behind.ts',
    find: 'this.#database.addPendingTo(batch)',
    replace: '',
  },
  {
    name: 'position-without-data',
    file: STORES,
    find: '    entry.store.restoreBatch(records, writesOf(entry, batch))\n',
    replace: '',
  },
  {
    name: 'late-windows-reopened-after-restart',
    file: TASK,
    find: 'if (partitionTimeMs > this.group.streamTimeMs) this.group.streamTimeMs = partitionTimeMs',
    replace: '',
  },
  {
    name: 'operators-forget-their-times',
    file: TASK,
    find: 'this.#times.restore(times, nodes)',
    replace: 'void [times, nodes]',
  },
  {
    name: 'deletions-missing-in-changelog',
    file: 'streams/stores/key-value-store.ts',
    find: '        changelog?.(key, null, entry.timestampMs, this.#deletionHeaders?.get(entry) ?? NO_HEADERS)\n',
    replace: '',
  },
  {
    name: 'revoked-tasks-kept',
    file: THREAD,
    find: 'for (const id of revoked) await this.#closeTask(id)\n',
    replace: '',
    log: 'simulated',
  },
  {
    name: 'membership-event-lost',
    file: THREAD,
    find: 'this.#membershipEvent = membership.poll() ?? this.#membershipEvent',
    replace: 'this.#membershipEvent = membership.poll()',
    log: 'simulated',
  },
  {
    name: 'restore-ends-at-open-transaction',
    file: RESTORER,
    find: "log.admin.endOffsets(changelogs, 'read_uncommitted')",
    replace: 'log.admin.endOffsets(changelogs)',
    log: 'simulated',
    faults: ['hanging-transaction', 'rebalance'],
  },
  {
    name: 'standby-applied-twice',
    file: STANDBY,
    find: STANDBY_APPLIES,
    replace: `${STANDBY_APPLIES}\n    standby.stores.restore(changelog.storeName, records.slice(0, 1), nextOffset)`,
    log: 'simulated',
  },
  {
    name: 'standby-skips-last-record',
    file: STANDBY,
    find: STANDBY_APPLIES,
    replace: STANDBY_APPLIES.replace('records,', 'records.slice(0, -1),'),
    log: 'simulated',
  },
  {
    name: 'standby-of-uncommitted-records',
    file: STANDBY,
    find: "isolation: 'read_committed',",
    replace: "isolation: 'read_uncommitted',",
    log: 'simulated',
  },
  {
    name: 'standby-does-not-follow',
    file: STANDBY,
    find: 'for (const batch of await this.#consumer.poll(0)) {',
    replace: 'for (const batch of []) {',
    log: 'simulated',
  },
  {
    name: 'locked-state-not-waited-for',
    file: THREAD,
    find: "if (!isDecidedElsewhere || !hasCode(error, 'DIRECTORY_LOCKED')) throw error",
    replace: 'if (isDecidedElsewhere !== undefined) throw error',
    log: 'simulated',
  },
  {
    name: 'uncommitted-writes-without-bound',
    file: THREAD,
    find: 'return dirty >= this.#config.uncommittedBytesMax',
    replace: 'return false',
  },
  {
    name: 'unsent-records-without-bound',
    file: THREAD,
    find: 'if ((this.#producer?.bytesBuffered ?? 0) >= this.#config.producerBufferBytesMax) return true',
    replace: '',
  },
  {
    name: 'full-partitions-not-paused',
    file: THREAD,
    find: 'if (task.group.queue(topic, partition).recordCount < this.#config.bufferedRecordsPerPartitionMax) return',
    replace: 'if (task !== undefined) return',
  },
  {
    name: 'full-buffers-still-filled',
    file: THREAD,
    find: 'if (buffered < this.#config.bufferedBytesMax) batches',
    replace: 'if (true) batches',
  },
  {
    name: 'acknowledged-before-sync',
    file: 'connectors/embedded-log/committer.ts',
    find: 'if (!options.fsync) return',
    replace: 'if (options.fsync) return',
    log: 'embedded',
  },
  {
    name: 'posting-of-another-amount',
    file: 'topologies/sacco/balances/post-journals.ts',
    find: 'amount_minor: Math.abs(leg.amountMinor),',
    replace: 'amount_minor: Math.abs(leg.amountMinor) + (isMember ? 1 : 0),',
    topology: 'sacco',
  },
  {
    name: 'leg-missing-in-ledger',
    file: 'topologies/sacco/balances/post-journals.ts',
    find: 'this.#add(MEMBER_ACCOUNTS, leg.amountMinor)',
    replace: 'if (leg.amountMinor > 0) this.#add(MEMBER_ACCOUNTS, leg.amountMinor)',
    topology: 'sacco',
  },
  {
    name: 'torn-frame-accepted',
    file: 'connectors/embedded-log/journal-format.ts',
    find: 'if (end > bytes.length) return {',
    replace: `if (end > bytes.length) {
    const events = readEvents(bytes.subarray(metaStart + batchCount * BATCH_META_BYTES, dataStart)) as JournalEvent[]
    const [sequence, acknowledgedBefore] = [readInt64(bytes, at + 8), readInt64(bytes, at + 24)]
    return { frame: { sequence, position: at, acknowledgedBefore, batches: [], events, length: bytes.length - at } }
  }
  if (end < at) return {`,
    log: 'embedded',
    faults: ['log-crash'],
  },
]
