import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MTO = fileURLToPath(new URL('../mto.ts', import.meta.url))

export type CliResult = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }

export type CliRun = {
  readonly process: ChildProcess
  /** Resolves when the process is gone. */
  readonly ended: Promise<CliResult>
  /** Resolves with the first match in what it has printed; rejects if the process ends without it. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
}

/** The real command in a process of its own. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string): CliRun {
  const child = spawn(process.execPath, [MTO, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // Without input its end is there at once, as with /dev/null.
  child.stdin.on('error', () => {}).end(input)
  let stdout = ''
  let stderr = ''
  let check = (): void => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    check()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    check()
  })
  const ended = new Promise<CliResult>((resolve) => {
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }))
  })
  return {
    process: child,
    ended,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        check = () => {
          const match = pattern.exec(stdout) ?? pattern.exec(stderr)
          if (match !== null) resolve(match)
        }
        check()
        ended.then(() => reject(new Error(`mto ${args.join(' ')} ended without ${pattern}:\n${stdout}${stderr}`)))
      }),
  }
}

export const runCli = (args: readonly string[], input?: string): Promise<CliResult> => startCli(args, {}, input).ended

/** A data directory that is removed at the end of the scope. */
export async function temporaryDirectory(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'mto-cli-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
