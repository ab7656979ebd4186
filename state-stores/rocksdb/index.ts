/** State in RocksDB. */
export { loadRocksDbBinding, type RocksDbBinding } from './binding.ts'
export {
  createRocksDbEngine,
  ROCKSDB_DEFAULTS,
  type RocksDbEngineOptions,
} from './rocksdb-engine.ts'
