import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { APPLICATION_ID, STORES } from './application.ts'
import { ALL_OUTPUTS, type Outputs } from './compare-outputs.ts'
import { readTopics } from './read-all.ts'

const script = fileURLToPath(new URL('./process.ts', import.meta.url))

/** What the application writes when nothing disturbs it, and the changelogs of its stores: on the embedded log. */
export async function undisturbedRun(directory: string, events: number): Promise<Outputs> {
  const data = join(directory, 'quiet')
  const quiet = spawnSync(process.execPath, [script, data, String(events), '0', '1'])
  if (quiet.status !== 0) throw new Error(`the undisturbed run failed: ${quiet.stderr.toString()}`)
  const changelogs = STORES.map((store) => `${APPLICATION_ID}-${store}-changelog`)
  return readTopics(join(data, 'log'), [...ALL_OUTPUTS, ...changelogs])
}
