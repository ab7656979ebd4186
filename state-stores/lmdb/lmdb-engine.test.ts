import { stateEngineContract } from '../../streams/ports/state-engine.contract.ts'
import { temporaryDirectory } from '../disk/temporary-directory.ts'
import { createLmdbEngine, LMDB_DEFAULTS } from './index.ts'

stateEngineContract('lmdb', async () => {
  const { path, remove } = await temporaryDirectory()
  return { engine: createLmdbEngine({ ...LMDB_DEFAULTS, directory: path }), cleanUp: remove }
})
