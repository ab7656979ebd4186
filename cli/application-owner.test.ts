import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ApplicationClaim, checkApplicationOwner, recordApplicationOwner } from './application-owner.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mto-owner-'))
  for (const project of ['a', 'b']) {
    await mkdir(join(directory, project))
    await writeFile(join(directory, project, 'topology.ts'), '')
  }
  await recordApplicationOwner(claim('a'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

function claim(project: string, more: Partial<ApplicationClaim> = {}): ApplicationClaim {
  return {
    module: join(directory, project, 'topology.ts'),
    dataDirectory: join(directory, 'data'),
    applicationId: 'topology',
    isIdGiven: false,
    ...more,
  }
}

test('another module of the same name is refused, and told what to do', async () => {
  await expect(checkApplicationOwner(claim('a'))).resolves.toBeUndefined()
  await expect(checkApplicationOwner(claim('b'))).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/belongs in \S+data to \S+a\/topology\.ts.* --application-id/),
  })
})

test('an id that is given is taken over', async () => {
  await expect(checkApplicationOwner(claim('b', { isIdGiven: true }))).resolves.toBeUndefined()
  await recordApplicationOwner(claim('b', { isIdGiven: true }))
  await expect(checkApplicationOwner(claim('b'))).resolves.toBeUndefined()
  await expect(checkApplicationOwner(claim('a'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('a module that was moved goes on', async () => {
  await rename(join(directory, 'a'), join(directory, 'c'))
  await expect(checkApplicationOwner(claim('c'))).resolves.toBeUndefined()
})

test('a project that was copied with its data goes on', async () => {
  const dataDirectory = join(directory, 'a', 'data')
  await recordApplicationOwner(claim('a', { dataDirectory }))
  await cp(join(directory, 'a'), join(directory, 'copy'), { recursive: true })
  const copied = claim('copy', { dataDirectory: join(directory, 'copy', 'data') })
  await expect(checkApplicationOwner(copied)).resolves.toBeUndefined()
})

test('nothing is known of an id that has not run', async () => {
  await expect(checkApplicationOwner(claim('b', { applicationId: 'other' }))).resolves.toBeUndefined()
})
