import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { accessOf, isLoopback, readUsers } from './access.ts'
import { temporaryDirectory } from './testing/run-cli.ts'

test.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['127.example.com', false],
  ['localhost.example.com', false],
])('%s is this machine only: %s', (host, isLocal) => {
  expect(isLoopback(host)).toBe(isLocal)
})

describe('listening for others', () => {
  test('needs users, or somebody who says that it is insecure', () => {
    expect(() => accessOf({ host: '0.0.0.0' })).toThrow(/--host 0\.0\.0\.0 is reached by others.*--auth.*--insecure/)
    expect(accessOf({})).toMatchObject({ hostname: '127.0.0.1', users: undefined, hosts: undefined })
    expect(accessOf({ host: '0.0.0.0', insecure: true })).toMatchObject({ hosts: 'any', registryHostname: '0.0.0.0' })
  })

  test('leaves the registry, which knows no users, on this machine', async () => {
    await using data = await temporaryDirectory()
    const auth = join(data.path, 'users.json')
    await writeFile(auth, '{"users":[]}', { mode: 0o600 })
    expect(accessOf({ host: '0.0.0.0', auth })).toMatchObject({ users: [], registryHostname: '127.0.0.1' })
  })
})

describe('the file of users', () => {
  test('a file that others can write to lets nobody in', async () => {
    await using data = await temporaryDirectory()
    const auth = join(data.path, 'users.json')
    await writeFile(auth, '{"users":[]}')
    await chmod(auth, 0o666)
    expect(() => readUsers(auth)).toThrow(/others may write to it/)
  })
})
