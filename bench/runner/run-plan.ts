import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { followChild } from '../child-messages.ts'
import type { Plan } from './plan.ts'
import type { Said } from './said.ts'
import { repeatedIfStopped } from './stops.ts'

export type BenchProcess = {
  /** Just before it was started. */
  readonly startedMs: number
  /** Waits until it has said what is looked for. Rejects when it ends, fails, or takes too long. */
  until<T>(what: string, find: (said: readonly Said[]) => T | undefined): Promise<T>
  /** Everything that it said, when it has ended by itself. */
  finished(): Promise<readonly Said[]>
  /** `kill -9`, and waits until it is no more. Nothing where it has ended. */
  kill(): Promise<void>
}

const STEP_MS_MAX = 1_800_000
const ERROR_CHARACTERS_MAX = 4_000
const program = join(import.meta.dirname, 'bench-process.ts')

export function startPlan(plan: Plan): BenchProcess {
  const startedMs = Date.now()
  const child = spawn(process.execPath, [program, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  const note = (text: string): void => {
    errors = (errors + text).slice(-ERROR_CHARACTERS_MAX)
  }
  child.stderr.setEncoding('utf8').on('data', note)
  child.once('error', (error) => note(String(error)))
  const messages = followChild<Said>({
    child,
    parse: (line) => (line.startsWith('{"kind":') ? (JSON.parse(line) as Said) : undefined),
    wrong: (what) => new Error(`${plan.application.topology}: ${what}\n${errors}`),
  })
  return {
    startedMs,
    until: (what, find) => messages.until(what, STEP_MS_MAX, find),
    finished: () =>
      messages.until('its end', STEP_MS_MAX, (all) => (messages.hasEnded && child.exitCode === 0 ? all : undefined)),
    kill: async () => {
      child.kill('SIGKILL')
      await messages.exited
    },
  }
}

/** One process to its end; nothing of it is left. */
export async function runPlan(plan: Omit<Plan, 'directory'>): Promise<readonly Said[]> {
  return measureIn(async (directory) => {
    const running = startPlan({ ...plan, directory })
    try {
      return await running.finished()
    } finally {
      await running.kill()
    }
  })
}

/** In a fresh directory; again, in another one, where the measurement was stopped in the middle. */
export function measureIn<T>(body: (directory: string) => Promise<T>): Promise<T> {
  return repeatedIfStopped(() => inDirectory(body))
}

/** On the disk of the temporary directory. */
async function inDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'mto-bench-'))
  try {
    return await body(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export function drainedIn(said: readonly Said[], name: string): Extract<Said, { kind: 'drained' }> {
  const found = said.find((each) => each.kind === 'drained' && each.name === name)
  if (found?.kind !== 'drained') throw new Error(`the process drained no ${name}`)
  return found
}

export function pacedIn(said: readonly Said[], name: string): Extract<Said, { kind: 'paced' }> {
  const found = said.find((each) => each.kind === 'paced' && each.name === name)
  if (found?.kind !== 'paced') throw new Error(`the process has no figures of ${name}`)
  return found
}
