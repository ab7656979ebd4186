/** State in LMDB. */
export {
  createLmdbEngine,
  LMDB_DEFAULTS,
  type LmdbEngineOptions,
} from './lmdb-engine.ts'
