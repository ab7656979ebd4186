import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { StreamsError } from '#streams/base'

export type ApplicationClaim = {
  readonly module: string
  readonly dataDirectory: string
  readonly applicationId: string
  /** False where the id was made of the module's name: then two modules of one name may have got it by accident. */
  readonly isIdGiven: boolean
}

const FILE = 'module.txt'

/**
 * Two modules of one name (`a/topology.ts`, `b/topology.ts`) would by default share an application id, and with it
 * topics, offsets and state. The directory remembers which module an id belongs to; CONFIG_INVALID where it is another
 * one that is still there. A module that was moved, or whose id is given on the command line, takes it over.
 */
export async function checkApplicationOwner(claim: ApplicationClaim): Promise<void> {
  const { module, dataDirectory, applicationId, isIdGiven } = claim
  if (isIdGiven) return
  const place = resolve(module)
  const owner = await readFile(fileOf(claim), 'utf8').then(
    (saved) => resolve(dataDirectory, saved.trim()),
    () => undefined,
  )
  if (owner === undefined || owner === place || !existsSync(owner)) return
  throw new StreamsError(
    'CONFIG_INVALID',
    `application id ${applicationId}, which is made of the module's name, belongs in ${dataDirectory} to ${owner}, and this is ` +
      `${place}: they would take each other's topics, offsets and state. Give this one an id of its own with ` +
      `--application-id, or another --data. To go on where the other one was, say --application-id ${applicationId}`,
  )
}

/**
 * Once the application has started, so that the directory is there and ours. Relative to the data directory: a project
 * may be copied or moved as a whole.
 */
export async function recordApplicationOwner(claim: ApplicationClaim): Promise<void> {
  const place = resolve(claim.module)
  if (!existsSync(place)) return
  await mkdir(dirname(fileOf(claim)), { recursive: true })
  await writeFile(fileOf(claim), `${relative(resolve(claim.dataDirectory), place)}\n`)
}

function fileOf({ dataDirectory, applicationId }: ApplicationClaim): string {
  return join(dataDirectory, 'state', applicationId, FILE)
}
