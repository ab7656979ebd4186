import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { javaVersion, KAFKA_STREAMS_VERSION } from './java-peer.ts'

export type Machine = {
  readonly cores: number
  readonly processor: string
  readonly memoryGiB: number
  readonly system: string
  /** Of the minute before the comparison: more than a few tenths, and something else ran. */
  readonly loadBefore: number
}
export type Versions = {
  readonly mto: string
  readonly node: string
  readonly java: string
  readonly kafkaStreams: string
  readonly broker: string
}

const root = join(import.meta.dirname, '../..')

export function machineHere(): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    loadBefore: loadavg()[0] ?? 0,
  }
}

export async function versionsHere(broker: string): Promise<Versions> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const commit = await commitHere()
  return {
    mto: commit === undefined ? version : `${version} (${commit})`,
    node: process.versions.node,
    java: (await javaVersion())?.text ?? 'none',
    kafkaStreams: KAFKA_STREAMS_VERSION,
    broker,
  }
}

/** Undefined outside of a repository. */
async function commitHere(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', root, 'rev-parse', '--short', 'HEAD'])
    return stdout.trim()
  } catch {
    return undefined
  }
}
