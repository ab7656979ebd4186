import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Command } from 'commander'
import { type ApiOptions, parseUsers, type User } from '#api'
import { messageOf, StreamsError } from '#streams/base'

/** Who may use the pages and the API of a command that serves them, and from where. */
export type AccessOptions = {
  readonly host?: string
  readonly auth?: string
  readonly insecure?: true
}

/** What the server is opened with. */
export type Access = {
  readonly hostname: string
  readonly users: readonly User[] | undefined
  /** Names that it answers to: behind a proxy they are the proxy's. */
  readonly hosts: 'any' | undefined
  /** The registry has no sign-in: it stays on this machine, unless it is asked for in so many words. */
  readonly registryHostname: string
}

const LOCAL = '127.0.0.1'
/** Bits of a file's mode: writable by its group, by others. */
const WRITABLE_BY_OTHERS = 0o022

export function accessOptions(command: Command): Command {
  return command
    .option('--host <address>', 'address to listen on (default 127.0.0.1: this machine); others need --auth')
    .option('--auth <file>', 'users with their roles, made by `mto token`: everybody has to sign in')
    .option('--insecure', 'listens on other addresses without --auth: whoever reaches it sees everything')
}

/** CONFIG_INVALID where the server would be open to others without anybody having to sign in. */
export function accessOf({ host = LOCAL, auth, insecure }: AccessOptions): Access {
  const isLocal = isLoopback(host)
  if (!isLocal && auth === undefined && insecure !== true) {
    throw new StreamsError(
      'CONFIG_INVALID',
      `--host ${host} is reached by others, and nobody has to sign in: give --auth <file> (mto token makes one), or --insecure if something before it checks who comes`,
    )
  }
  return {
    hostname: host,
    users: auth === undefined ? undefined : readUsers(auth),
    hosts: isLocal ? undefined : 'any',
    registryHostname: isLocal || insecure === true ? host : LOCAL,
  }
}

/** As options of `createApi`. */
export function apiAccess(access: Access | undefined): Pick<ApiOptions, 'users' | 'hosts'> {
  return {
    ...(access?.users === undefined ? {} : { users: access.users }),
    ...(access?.hosts === undefined ? {} : { hosts: access.hosts }),
  }
}

export function readUsers(file: string): readonly User[] {
  let text: string
  try {
    if ((statSync(file).mode & WRITABLE_BY_OTHERS) !== 0) {
      throw new Error('others may write to it, and so let themselves in: chmod go-w')
    }
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new StreamsError('CONFIG_INVALID', `--auth ${file}: ${messageOf(error)}`, { cause: error })
  }
  return parseUsers(text, file)
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}
