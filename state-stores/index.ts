/**
 * State engines: where the bytes of stores are kept. Memory for tests and the simulator, RocksDB, and LMDB where RocksDB
 * has no prebuilt library. All pass `streams/ports/state-engine.contract.ts`. Windows, sessions, caches and changelogs
 * are layers in `streams/stores`. A native library is loaded when its engine is made or opened, not by importing this.
 */
export {
  type ChooseStateEngineOptions,
  chooseStateEngine,
  type StateEngineChoice,
} from './choose-state-engine.ts'
export {
  createLmdbEngine,
  LMDB_DEFAULTS,
  type LmdbEngineOptions,
} from './lmdb/index.ts'
export { createMemoryDatabase, createMemoryEngine, type MemoryEngine } from './memory/index.ts'
export {
  createRocksDbEngine,
  ROCKSDB_DEFAULTS,
  type RocksDbEngineOptions,
} from './rocksdb/index.ts'
