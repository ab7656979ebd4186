import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const FILE = fileURLToPath(new URL('./compose.yaml', import.meta.url))
const ANSWER_MS_MAX = 5_000
/** The image is pulled the first time. */
const START_MS_MAX = 300_000

/** Why there is no Docker to start a broker with, in words; undefined if there is one. */
export async function whyNoDocker(): Promise<string | undefined> {
  try {
    await run('docker', ['info'], { timeout: ANSWER_MS_MAX })
    await run('docker', ['compose', 'version'], { timeout: ANSWER_MS_MAX })
    return undefined
  } catch {
    return 'no Docker answers'
  }
}

/** The broker of compose.yaml. */
export async function startDockerBroker(port: number): Promise<{ readonly brokers: string; stop(): Promise<void> }> {
  const compose = (...args: readonly string[]): Promise<unknown> =>
    run('docker', ['compose', '-f', FILE, ...args], {
      timeout: START_MS_MAX,
      env: { ...process.env, MTO_KAFKA_PORT: String(port) },
    })
  await compose('up', '--detach', '--wait', 'kafka')
  return {
    brokers: `127.0.0.1:${port}`,
    stop: async () => {
      await compose('down', '--volumes')
    },
  }
}
