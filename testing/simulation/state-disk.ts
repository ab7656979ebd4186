import { StreamsError } from '#streams/base'
import type { StateDatabase, StateEngine, WriteBatch } from '#streams/ports'
import { ProcessDied, type SimulatedProcess } from './simulated-process.ts'

/** The state directory of a process: can be full, and the process can die before or after each write of a batch. */
export function createStateDisk(engine: StateEngine, process: SimulatedProcess): StateEngine {
  return {
    name: engine.name,
    persistent: true,
    open: (name, keyspaces) =>
      process.local('state', async () => faultyDatabase(await engine.open(name, keyspaces), process)),
    list: () => process.local('state', () => engine.list()),
    destroy: (name) => process.local('state', () => engine.destroy(name)),
    close: () => engine.close(),
  }
}

function faultyDatabase(database: StateDatabase, process: SimulatedProcess): StateDatabase {
  return {
    keyspace: (name) => database.keyspace(name),
    batch: () => faultyBatch(database.batch(), process),
    get iteratorsOpen() {
      return database.iteratorsOpen
    },
    stats: () => database.stats(),
    close: () => database.close(),
  }
}

function faultyBatch(batch: WriteBatch, process: SimulatedProcess): WriteBatch {
  return {
    put: (keyspace, key, value) => batch.put(keyspace, key, value),
    delete: (keyspace, key) => batch.delete(keyspace, key),
    deleteRange: (keyspace, from, to) => batch.deleteRange(keyspace, from, to),
    write: () => {
      const fault = process.take('batch')
      if (fault?.kind === 'state-disk-full')
        throw new StreamsError('DISK_FULL', 'the state directory is full (simulated)')
      if (fault?.kind !== 'crash') return batch.write()
      if (fault.point === 'after') batch.write()
      process.die(fault)
      throw new ProcessDied('the process has died (simulated)')
    },
  }
}
