import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { SILENT_LOGGER } from '#streams/ports'
import { logContract } from '../streams/ports/log.contract.ts'
import { type DataLog, openDataLog } from './data-log.ts'
import { connectLogSocket } from './log-socket.ts'
import { createMessageSocket } from './message-socket.ts'

const open = (dataDirectory: string): Promise<DataLog> =>
  openDataLog({ dataDirectory, logger: SILENT_LOGGER, waitMs: 300 })

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mto log socket '))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function owned(directory: string): Promise<DataLog> {
  const owner = await open(directory)
  onTestFinished(() => owner.close())
  expect(owner.ownerProcess).toBeUndefined()
  return owner
}

let shared: Promise<{ readonly directory: string; readonly owner: DataLog }> | undefined
afterAll(async () => {
  const { directory, owner } = (await shared) ?? {}
  await owner?.close()
  if (directory !== undefined) await rm(directory, { recursive: true, force: true })
})
logContract('embedded log, client through a socket,', {
  connect: async () => {
    shared ??= mkdtemp(join(tmpdir(), 'mto log socket ')).then(async (directory) => ({
      directory,
      owner: await open(directory),
    }))
    const remote = await connectLogSocket((await shared).directory)
    if (remote === undefined) throw new Error('nobody serves the log')
    return remote.log
  },
  modelRuns: 10,
})

describe('the log of a directory that somebody owns', () => {
  test('a second one goes through the first, which says who it is', async () => {
    const directory = await newDirectory()
    const owner = await owned(directory)
    await owner.log.admin.createTopics([{ name: 'lines', partitions: 2 }])
    const other = await open(directory)
    expect(other.ownerProcess).toBe(process.pid)
    expect(await other.log.admin.listTopics()).toEqual(['lines'])
    await other.close()
  })

  test('nobody but the owner may connect, and nothing stays behind', async () => {
    const directory = await newDirectory()
    const owner = await open(directory)
    expect((await stat(join(directory, 'log/socket'))).mode & 0o777).toBe(0o600)
    await owner.close()
    expect(await readdir(join(directory, 'log'))).not.toContain('socket')
    expect(await connectLogSocket(directory)).toBeUndefined()
  })

  test('a path that is too long for a socket is served from elsewhere', async () => {
    const directory = join(await newDirectory(), 'x'.repeat(120))
    const owner = await open(directory)
    const place = (await readFile(join(directory, 'log/socket.txt'), 'utf8')).trim()
    const other = await open(directory)
    expect(other.ownerProcess).toBe(process.pid)
    await other.close()
    await owner.close()
    await expect(stat(dirname(place))).rejects.toThrow('ENOENT')
  })

  test('what a killed owner has left is in nobody’s way', async () => {
    const directory = await newDirectory()
    await mkdir(join(directory, 'log'))
    await writeFile(join(directory, 'log/socket'), '')
    await writeFile(join(directory, 'log/socket.txt'), '/nowhere/mto-abcdef/socket\n')
    await owned(directory)
    expect((await open(directory)).ownerProcess).toBe(process.pid)
  })

  test('who was connected hears that the owner is gone', async () => {
    const directory = await newDirectory()
    const owner = await open(directory)
    const other = await open(directory)
    await owner.close()
    await other.ownerGone
    await expect(other.log.admin.listTopics()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('noise, strange messages and silence end the connection, not the owner', async () => {
    const directory = await newDirectory()
    const owner = await owned(directory)
    const place = join(directory, 'log/socket')
    for (const noise of [Buffer.alloc(4, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0, 0, 0, 1, 7])]) {
      const socket = connect(place)
      socket.on('error', () => {})
      socket.write(noise)
      await new Promise((resolve) => socket.on('close', resolve))
    }
    for (const message of [null, 7, { id: 'x', call: 'topics' }, { id: 1 }]) {
      const socket = connect(place)
      const closed = new Promise((resolve) => {
        const messages = createMessageSocket(socket, {
          onMessage: () => messages.send(message),
          onClose: resolve,
        })
        messages.send({ protocol: 1, process: 1 })
      })
      await closed
    }
    // A call that there is not, and one that is not what it should be, are answered.
    const socket = connect(place)
    const answers: unknown[] = []
    await new Promise<void>((resolve) => {
      const messages = createMessageSocket(socket, {
        onMessage(answer) {
          answers.push(answer)
          if (answers.length === 1) messages.send({ id: 1, call: 'dropEverything', request: {} })
          if (answers.length === 2) messages.send({ id: 2, call: 'createTopics', request: 5 })
          if (answers.length === 3) resolve()
        },
        onClose: () => resolve(),
      })
      messages.send({ protocol: 1, process: 1 })
    })
    socket.destroy()
    expect(answers.slice(1)).toMatchObject([
      { id: 1, error: {} },
      { id: 2, error: {} },
    ])
    expect(await owner.log.admin.listTopics()).toEqual([])
  })

  test('an owner of another version is named', async () => {
    const directory = await newDirectory()
    await mkdir(join(directory, 'log'))
    const server = createServer((socket) => {
      const messages = createMessageSocket(socket, {
        onMessage: () => messages.send({ protocol: 99, process: 4711, problem: 'it speaks protocol 99' }),
        onClose: () => {},
      })
    }).listen(join(directory, 'log/socket'))
    onTestFinished(() => void server.close())
    await expect(open(directory)).rejects.toMatchObject({
      code: 'LOG_REFUSED',
      message: expect.stringMatching(/process 4711.*another version/),
    })
  })

  test('an owner that gives no access is named, after a while', async () => {
    const directory = await newDirectory()
    await owned(directory)
    await rm(join(directory, 'log/socket'))
    await expect(open(directory)).rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
      message: expect.stringContaining(`process ${process.pid}`),
    })
  })
})
