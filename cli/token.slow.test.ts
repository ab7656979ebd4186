import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readUsers } from './access.ts'
import { runCli, temporaryDirectory } from './testing/run-cli.ts'

describe('mto token', () => {
  test('makes users, keeps hashes only, and takes them away', { timeout: 60_000 }, async () => {
    await using data = await temporaryDirectory()
    const auth = join(data.path, 'users.json')
    const made = await runCli(['token', '--auth', auth, '--id', 'S01-ANNA', '--role', 'analyst'])
    expect([made.exitCode, made.stdout]).toEqual([0, expect.stringMatching(/^mto_[\w-]{43}\n$/)])
    expect((await stat(auth)).mode & 0o777).toBe(0o600)
    expect(await readFile(auth, 'utf8')).not.toContain(made.stdout.trim())
    const [user] = readUsers(auth)
    expect(user).toMatchObject({ id: 'S01-ANNA', role: 'analyst', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    const wrong = await runCli(['token', '--auth', auth, '--id', 'S01-BEN', '--role', 'boss'])
    expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining('analyst, risk, engineer, admin')])
    const gone = await runCli(['token', '--auth', auth, '--id', 'S01-ANNA', '--revoke'])
    expect([gone.exitCode, readUsers(auth)]).toEqual([0, []])
  })
})
