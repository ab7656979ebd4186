import { stateEngineContract } from '../../streams/ports/state-engine.contract.ts'
import { temporaryDirectory } from '../disk/temporary-directory.ts'
import { createRocksDbEngine, ROCKSDB_DEFAULTS } from './index.ts'

stateEngineContract('rocksdb', async () => {
  const { path, remove } = await temporaryDirectory()
  return { engine: createRocksDbEngine({ ...ROCKSDB_DEFAULTS, directory: path }), cleanUp: remove }
})
