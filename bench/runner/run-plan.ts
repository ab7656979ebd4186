import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
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
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

export function startPlan(plan: Plan): BenchProcess {
  const startedMs = Date.now()
  const child = spawn(process.execPath, [program, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  const said: Said[] = []
  let errors = ''
  let hasEnded = false
  let changed = Promise.withResolvers<void>()
  const change = (): void => {
    const before = changed
    changed = Promise.withResolvers()
    before.resolve()
  }
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-ERROR_CHARACTERS_MAX)
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{"kind":')) return
    said.push(JSON.parse(line) as Said)
    change()
  })
  const exited = new Promise<void>((resolve) => {
    const end = (): void => {
      hasEnded = true
      children.delete(child)
      change()
      resolve()
    }
    child.once('close', end)
    child.once('error', (error) => {
      errors += String(error)
      end()
    })
  })
  const wrong = (what: string): Error => new Error(`${plan.application.topology}: ${what}\n${errors}`)
  const until = async <T>(what: string, find: (said: readonly Said[]) => T | undefined): Promise<T> => {
    const timeout = AbortSignal.timeout(STEP_MS_MAX)
    const late = new Promise<void>((resolve) => timeout.addEventListener('abort', () => resolve()))
    for (;;) {
      const next = changed.promise
      const found = find(said)
      if (found !== undefined) return found
      const failure = said.find((each) => each.kind === 'failed')
      if (failure !== undefined) throw wrong(`the process failed before ${what}: ${failure.message}`)
      if (hasEnded) throw wrong(`the process ended (${child.exitCode ?? child.signalCode}) before ${what}`)
      if (timeout.aborted) throw wrong(`${what} took longer than ${STEP_MS_MAX / 60_000} minutes`)
      await Promise.race([next, late])
    }
  }
  return {
    startedMs,
    until,
    finished: () => until('its end', (all) => (hasEnded && child.exitCode === 0 ? all : undefined)),
    kill: async () => {
      child.kill('SIGKILL')
      await exited
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
