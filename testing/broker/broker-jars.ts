import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The version in pom.xml, too: the folder's name says which jars are in it. */
export const KAFKA_VERSION = '4.3.1'

const root = fileURLToPath(new URL('../../', import.meta.url))
const DOWNLOAD_MS_MAX = 300_000

/**
 * Folder with the jars of a broker, downloaded by Maven the first time (56 MB). It appears whole or not at all, so that
 * an interrupted download or two at once leave nothing half done.
 */
export async function brokerJars(): Promise<string> {
  const jars = join(root, 'build', `kafka-${KAFKA_VERSION}`)
  if (existsSync(jars)) return jars
  const unfinished = `${jars}.${process.pid}`
  await mkdir(unfinished, { recursive: true })
  try {
    const pom = fileURLToPath(new URL('./pom.xml', import.meta.url))
    await run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`], {
      timeout: DOWNLOAD_MS_MAX,
    })
    await rename(unfinished, jars)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    if (!existsSync(jars)) throw error
  }
  return jars
}

/** Why no broker can be started here, in words; undefined if one can. */
export async function whyNoBroker(): Promise<string | undefined> {
  try {
    const { stderr } = await run('java', ['-version'])
    const major = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
    if (major < 17) return `Java is version ${major}, a broker needs 17 or later`
  } catch {
    return 'there is no java on the PATH (17 or later is needed)'
  }
  if (existsSync(join(root, 'build', `kafka-${KAFKA_VERSION}`))) return undefined
  try {
    await run('mvn', ['-version'])
    return undefined
  } catch {
    return "there is no mvn on the PATH to download the broker's jars with"
  }
}
