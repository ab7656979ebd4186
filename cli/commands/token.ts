import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { createToken, hashOfToken, parseUsers, ROLES, type Role, type User } from '#api'
import { StreamsError } from '#streams/base'
import { readUsers } from '../access.ts'
import { fail } from '../fail.ts'

type TokenOptions = {
  readonly auth: string
  readonly id: string
  readonly role?: Role
  readonly expires?: string
  readonly revoke?: true
}

const FILE_MODE = 0o600

export function tokenCommand(): Command {
  return new Command('token')
    .description('Gives somebody a token to sign in with, or takes it away.')
    .requiredOption('--auth <file>', 'the file of users: made if it is not there')
    .requiredOption('--id <id>', 'who: a staff id, the name of a script')
    .addOption(new Option('--role <role>', 'what they may do').choices(ROLES))
    .option('--expires <date>', 'the first day on which it is no longer taken')
    .option('--revoke', 'takes all tokens of this id away')
    .addHelpText(
      'after',
      `
The token is printed once; the file keeps its SHA-256 only. A server reads the file when it starts.

  role       may see
  analyst    members, flags, loans, dead letters; takes and closes flags
  risk       the same without flags' work, and without what identifies people
  engineer   system, topology, stores, dead letters, without what identifies people
  admin      everything, and who saw what

Examples:
  mto token --auth users.json --id S01-0042 --role analyst
  mto token --auth users.json --id prometheus --role engineer --expires 2027-12-31
  mto token --auth users.json --id S01-0042 --revoke

Exit code: 0 when the file is written, 1 when it is not (the message says why).`,
    )
    .action(token)
}

async function token(options: TokenOptions): Promise<void> {
  try {
    const { auth, id, role, expires, revoke } = options
    const users = existsSync(auth) ? readUsers(auth) : []
    if (revoke === true) {
      const left = users.filter((user) => user.id !== id)
      if (left.length === users.length) throw new StreamsError('CONFIG_INVALID', `${auth} has no user ${id}`)
      await write(auth, left)
      process.stderr.write(
        `${users.length - left.length} token(s) of ${id} are gone; servers take note when they start\n`,
      )
      return
    }
    if (role === undefined) throw new StreamsError('CONFIG_INVALID', `--role is missing: ${ROLES.join(', ')}`)
    const made = createToken()
    const user: User = { id, role, sha256: hashOfToken(made), ...(expires === undefined ? {} : { expires }) }
    await write(auth, [...users, user])
    process.stderr.write(`${id} may sign in as ${role} with this token; it is shown once\n`)
    process.stdout.write(`${made}\n`)
  } catch (error) {
    fail(error)
  }
}

/** As a whole or not at all; nobody else may write to it, or read who is in it. */
async function write(file: string, users: readonly User[]): Promise<void> {
  const text = `${JSON.stringify({ users }, null, 2)}\n`
  parseUsers(text, file)
  await writeFile(`${file}.new`, text, { mode: FILE_MODE })
  await rename(`${file}.new`, file)
}
