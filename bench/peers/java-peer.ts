import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The version in java/pom.xml, too: the folder's name says which jars are in it. */
export const KAFKA_STREAMS_VERSION = '4.3.1'
const JAVA_MAJOR_MIN = 17
const BUILD_MS_MAX = 600_000

/** What is missing for Java's side, in words; nothing if it is all there. */
export async function missingForJava(): Promise<readonly string[]> {
  const missing: string[] = []
  const version = await javaVersion()
  if (version === undefined) missing.push(`java (${JAVA_MAJOR_MIN} or later) is not on the PATH`)
  else if (version.major < JAVA_MAJOR_MIN) missing.push(`java is ${version.text}, ${JAVA_MAJOR_MIN} or later is needed`)
  if (!(await runs('javac', '-version')))
    missing.push("javac is not on the PATH: a JDK is needed (on Debian 'openjdk-17-jdk-headless'), not only a runtime")
  if (!(await runs('mvn', '-version')))
    missing.push("mvn is not on the PATH: Maven ('maven' on Debian) downloads the jars and compiles Java's side")
  return missing
}

export async function javaVersion(): Promise<{ readonly major: number; readonly text: string } | undefined> {
  try {
    const { stderr } = await run('java', ['-version'])
    const text = /version "([^"]+)"/.exec(stderr)?.[1] ?? 'of an unknown version'
    return { text, major: Number.parseInt(text, 10) || 0 }
  } catch {
    return undefined
  }
}

async function runs(command: string, argument: string): Promise<boolean> {
  try {
    await run(command, [argument])
    return true
  } catch {
    return false
  }
}

/**
 * Compiles Java's side, and downloads its jars where they are not there yet. Returns its class path. The jars appear
 * whole or not at all, so that an interrupted download leaves nothing half done.
 */
export async function buildJavaPeer(buildDirectory: string, write: (line: string) => void): Promise<string> {
  const pom = join(import.meta.dirname, 'java/pom.xml')
  const target = join(buildDirectory, 'java')
  const jars = join(buildDirectory, `kafka-streams-${KAFKA_STREAMS_VERSION}`)
  const maven = (...goals: string[]): Promise<unknown> =>
    run('mvn', ['-q', '-B', '-f', pom, `-Dpeer.build=${target}`, ...goals], { timeout: BUILD_MS_MAX })
  await mkdir(buildDirectory, { recursive: true })
  if (!existsSync(jars)) {
    write(`Maven downloads Kafka Streams ${KAFKA_STREAMS_VERSION} and what it needs (95 MB, once)`)
    const unfinished = `${jars}.${process.pid}`
    try {
      await maven('dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`)
      await rename(unfinished, jars)
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  }
  await maven('compile')
  return `${join(target, 'classes')}:${join(jars, '*')}`
}
