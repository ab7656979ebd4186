import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The version in pom.xml, too. */
const VERSION = '3.3.3'
const JAVA_MAJOR_MIN = 21
const JVM_FOLDERS = '/usr/lib/jvm'
const DOWNLOAD_MS_MAX = 300_000
const READY_MS_MAX = 90_000
const POLL_MS = 200
const STOP_MS_MAX = 10_000

const root = fileURLToPath(new URL('../../', import.meta.url))
const home = join(root, 'build', `apicurio-${VERSION}`)

/** A real registry with Confluent's interface, in memory, as a child process. */
export type RealRegistry = {
  /** Base of Confluent's interface. */
  readonly url: string
  /** Forgets all subjects. */
  clear(): Promise<void>
  stop(): Promise<void>
}

/** Why none can be started here, in words; undefined if one can. */
export async function whyNoRegistry(): Promise<string | undefined> {
  if ((await findJava()) === undefined) return `there is no Java ${JAVA_MAJOR_MIN} or later`
  if (existsSync(home)) return undefined
  return run('mvn', ['-version']).then(
    () => undefined,
    () => 'there is no mvn on the PATH to download the registry with',
  )
}

export async function startRegistry(port: number): Promise<RealRegistry> {
  await download()
  const java = (await findJava()) ?? 'java'
  const script = '"$@" </dev/null & pid=$!; cat >/dev/null; kill -9 $pid'
  const settings = [`-Dquarkus.http.port=${port}`, '-Dquarkus.http.host=127.0.0.1', '-Dquarkus.log.level=WARN']
  const jvm = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  // When this process dies in whatever way, the pipe closes and the shell ends the registry.
  const child = spawn('bash', ['-c', script, 'registry', java, ...jvm, ...settings, '-jar', 'quarkus-run.jar'], {
    cwd: home,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  try {
    await untilReady(child, url)
  } catch (error) {
    child.stdin?.end()
    throw error
  }
  return {
    url,
    clear: () => clear(url),
    stop: async () => {
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      child.stdin?.end()
      await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, STOP_MS_MAX))])
    },
  }
}

async function clear(url: string): Promise<void> {
  const subjects = (await (await fetch(`${url}/subjects`)).json()) as readonly string[]
  for (const subject of subjects) {
    const place = `${url}/subjects/${encodeURIComponent(subject)}`
    await fetch(place, { method: 'DELETE' })
    await fetch(`${place}?permanent=true`, { method: 'DELETE' })
  }
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  for (const endMs = Date.now() + READY_MS_MAX; ; ) {
    const answer = await fetch(`${url}/subjects`).catch(() => undefined)
    if (answer?.ok === true) return
    if (child.exitCode !== null || Date.now() > endMs) throw new Error(`the registry did not start at ${url}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** It appears whole or not at all: 160 MB, once. */
async function download(): Promise<void> {
  if (existsSync(home)) return
  const unfinished = `${home}.${process.pid}`
  await mkdir(unfinished, { recursive: true })
  try {
    const pom = fileURLToPath(new URL('./pom.xml', import.meta.url))
    const copy = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`]
    await run('mvn', copy, { timeout: DOWNLOAD_MS_MAX })
    const [archive = ''] = await readdir(unfinished)
    await run('tar', ['xzf', join(unfinished, archive), '-C', unfinished])
    await rm(join(unfinished, archive))
    await rename(unfinished, home)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    if (!existsSync(home)) throw error
  }
}

/** The one on the PATH, or one that lies where packages put it. */
async function findJava(): Promise<string | undefined> {
  const installed = await readdir(JVM_FOLDERS).catch(() => [])
  for (const java of ['java', ...installed.map((folder) => join(JVM_FOLDERS, folder, 'bin', 'java'))]) {
    if ((await javaMajor(java)) >= JAVA_MAJOR_MIN) return java
  }
  return undefined
}

/** 0 where it is none. */
async function javaMajor(java: string): Promise<number> {
  try {
    const { stderr } = await run(java, ['-version'])
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  } catch {
    return 0
  }
}
