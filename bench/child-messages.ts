import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A process that says on its standard output what it does, a JSON object a line. */
export type ChildMessages<Message> = {
  /** And nothing of what it said is still to come. */
  readonly hasEnded: boolean
  /** Settles then, however it has ended. */
  readonly exited: Promise<void>
  /** Waits until what it has said has what is looked for. Rejects when it ends, fails, or takes too long. */
  until<T>(what: string, timeoutMs: number, find: (said: readonly Message[]) => T | undefined): Promise<T>
}

export type ChildMessagesOptions<Message> = {
  /** With a pipe for its standard output. */
  readonly child: ChildProcess
  /** Undefined: the line is something else, a warning of a library for example. */
  readonly parse: (line: string) => Message | undefined
  /** What to reject with: names the process, and has what it wrote to standard error. */
  readonly wrong: (what: string) => Error | Promise<Error>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Follows a child, which dies with this process. */
export function followChild<Message extends { readonly kind: string }>({
  child,
  parse,
  wrong,
}: ChildMessagesOptions<Message>): ChildMessages<Message> {
  const said: Message[] = []
  let hasEnded = false
  let changed = Promise.withResolvers<void>()
  const change = (): void => {
    const before = changed
    changed = Promise.withResolvers()
    before.resolve()
  }
  running.add(child)
  createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> }).on('line', (line) => {
    const message = parse(line)
    if (message === undefined) return
    said.push(message)
    change()
  })
  const exited = new Promise<void>((resolve) => {
    const end = (): void => {
      hasEnded = true
      running.delete(child)
      change()
      resolve()
    }
    child.once('close', end)
    child.once('error', end)
  })
  return {
    get hasEnded() {
      return hasEnded
    },
    exited,
    async until(what, timeoutMs, find) {
      const timeout = AbortSignal.timeout(timeoutMs)
      const late = new Promise<void>((resolve) => timeout.addEventListener('abort', () => resolve()))
      for (;;) {
        const next = changed.promise
        const found = find(said)
        if (found !== undefined) return found
        const failure = failureIn(said)
        if (failure !== undefined) throw await wrong(`failed before ${what}: ${failure.message}`)
        if (hasEnded) throw await wrong(`ended (${child.exitCode ?? child.signalCode}) before ${what}`)
        if (timeout.aborted) throw await wrong(`${what} took longer than ${timeoutMs / 1000} s`)
        await Promise.race([next, late])
      }
    },
  }
}

type Failed = { readonly kind: 'failed'; readonly message: string }

function failureIn(said: readonly { readonly kind: string }[]): Failed | undefined {
  return said.find((each): each is Failed => each.kind === 'failed')
}
