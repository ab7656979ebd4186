import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { createLogClient } from '#connectors/embedded-log'
import { messageOf, StreamsError } from '#streams/base'
import type { Log, Logger } from '#streams/ports'
import { createMessageSocket } from './message-socket.ts'
import { nodeClock } from './node-clock.ts'

/**
 * The embedded log has one owner. Other processes of the same user reach it while that one runs, over a socket beside
 * the log's files: the messages that threads of the owner send through a MessagePort go through the socket instead.
 */
export type LogSocket = { close(): Promise<void> }

export type LogSocketOptions = {
  readonly dataDirectory: string
  /** `EmbeddedLog.port`: a new way to the log for each connection. */
  readonly port: () => MessagePort
  readonly logger: Logger
}

/** Of what goes over the socket; another one is refused. To be raised when the embedded log's protocol changes. */
const PROTOCOL = 1
const SOCKET_FILE = 'socket'
/** Holds the socket's place where that is not the one below the data directory. */
const PLACE_FILE = 'socket.txt'
/** Operating systems cut off longer ones (Linux 107 bytes, macOS 103). */
const SOCKET_PATH_BYTES_MAX = 100
const CONNECTIONS_MAX = 64
const GREETING_MS_MAX = 5_000

type Greeting = { readonly protocol: number; readonly process: number; readonly problem?: string }

/** Serves the log of the directory that this process owns. Where that is not possible, it says so and goes on without. */
export async function serveLogSocket({ dataDirectory, port, logger }: LogSocketOptions): Promise<LogSocket> {
  const none = { close: async () => {} }
  // Named pipes have other rights, which nobody has tried here.
  if (process.platform === 'win32') return none
  try {
    return await listen(join(resolve(dataDirectory), 'log'), port, logger)
  } catch (error) {
    logger.warn(`Other processes cannot reach this log while it is in use: ${messageOf(error)}`)
    return none
  }
}

async function listen(logDirectory: string, port: () => MessagePort, logger: Logger): Promise<LogSocket> {
  const placeFile = join(logDirectory, PLACE_FILE)
  const inside = join(logDirectory, SOCKET_FILE)
  // Who owns the directory is the only one that listens: what is there is of an owner that was killed.
  await removePlace(logDirectory)
  const isShort = Buffer.byteLength(inside) <= SOCKET_PATH_BYTES_MAX
  const place = isShort ? inside : join(await mkdtemp(join(tmpdir(), 'mto-')), SOCKET_FILE)
  if (!isShort) await writeFile(placeFile, `${place}\n`)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    greetAndServe(socket, port, logger)
  })
  server.maxConnections = CONNECTIONS_MAX
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen(place, done)
  })
  server.on('error', (error) => logger.warn(`A process could not connect to the log: ${error.message}`))
  await chmod(place, 0o600)
  // It must not keep a process alive that has nothing else to do.
  server.unref()
  return {
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()))
      for (const socket of sockets) socket.destroy()
      await closed
      await removePlace(logDirectory)
    },
  }
}

async function removePlace(logDirectory: string): Promise<void> {
  const place = await elsewhere(logDirectory)
  if (place !== undefined) await rm(dirname(place), { recursive: true, force: true })
  await rm(join(logDirectory, PLACE_FILE), { force: true })
  await rm(join(logDirectory, SOCKET_FILE), { force: true })
}

/** Only what `listen` can have written there: the directory of it will be removed. */
async function elsewhere(logDirectory: string): Promise<string | undefined> {
  const text = await readFile(join(logDirectory, PLACE_FILE), 'utf8').catch(() => undefined)
  const place = text?.trim()
  return place !== undefined && /\/mto-[A-Za-z0-9]{6}\/socket$/.test(place) ? place : undefined
}

function greetAndServe(socket: Socket, port: () => MessagePort, logger: Logger): void {
  let own: MessagePort | undefined
  socket.setTimeout(GREETING_MS_MAX, () => socket.destroy())
  const messages = createMessageSocket(socket, {
    onMessage(message) {
      if (own !== undefined) {
        forward(own, callOf(message))
        return
      }
      const { protocol } = (message ?? {}) as Partial<Greeting>
      const greeting: Greeting = { protocol: PROTOCOL, process: process.pid }
      if (protocol !== PROTOCOL) {
        messages.send({ ...greeting, problem: `it speaks protocol ${PROTOCOL} of the log, not ${protocol}` })
        messages.close()
        return
      }
      socket.setTimeout(0)
      own = port()
      own.on('message', (answer) => messages.send(answer))
      own.on('close', () => messages.close())
      messages.send(greeting)
    },
    onClose(error) {
      own?.close()
      if (error !== undefined) logger.warn(`A connection to the log was ended: ${messageOf(error)}`)
    },
  })
}

/** What the owner would take apart must be there; what is in it, the owner checks itself. */
function callOf(message: unknown): object {
  const { id, call } = (message ?? {}) as { readonly id?: unknown; readonly call?: unknown }
  if (Number.isSafeInteger(id) && typeof call === 'string') return message as object
  throw new StreamsError('LIMIT_EXCEEDED', 'a message that is no call of the log')
}

type WithBytes = { readonly bytes?: unknown }
/** Records are views into what arrived: they are given buffers of their own, so that none keeps a whole message. */
function forward(port: MessagePort, message: object): void {
  const { request, fetched } = message as { readonly request?: WithBytes; readonly fetched?: WithBytes }
  const from = request?.bytes ?? fetched?.bytes
  if (!(from instanceof Uint8Array)) {
    port.postMessage(message)
    return
  }
  const bytes = new Uint8Array(from)
  const own =
    request === undefined
      ? { ...message, fetched: { ...fetched, bytes } }
      : { ...message, request: { ...request, bytes } }
  port.postMessage(own, [bytes.buffer])
}

/** A log that another process of this machine owns. */
export type RemoteLog = { readonly log: Log; readonly ownerProcess: number; readonly closed: Promise<void> }

/** Undefined where nobody serves the log of that directory. LOG_REFUSED: the owner is of another version. */
export async function connectLogSocket(dataDirectory: string): Promise<RemoteLog | undefined> {
  const logDirectory = join(resolve(dataDirectory), 'log')
  const place = (await elsewhere(logDirectory)) ?? join(logDirectory, SOCKET_FILE)
  if (Buffer.byteLength(place) > SOCKET_PATH_BYTES_MAX) return undefined
  const socket = connect(place)
  const isConnected = await new Promise<boolean>((done) => {
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
  return isConnected ? greet(socket, dataDirectory) : undefined
}

async function greet(socket: Socket, dataDirectory: string): Promise<RemoteLog | undefined> {
  const { port1, port2 } = new MessageChannel()
  const closed = Promise.withResolvers<void>()
  const greeted = Promise.withResolvers<Greeting | undefined>()
  let isGreeted = false
  const messages = createMessageSocket(socket, {
    onMessage(message) {
      if (isGreeted) forward(port2, message as object)
      isGreeted = true
      greeted.resolve(message as Greeting)
    },
    onClose() {
      port2.close()
      greeted.resolve(undefined)
      closed.resolve()
    },
  })
  socket.setTimeout(GREETING_MS_MAX, () => socket.destroy())
  messages.send({ protocol: PROTOCOL, process: process.pid } satisfies Greeting)
  const greeting = await greeted.promise
  socket.setTimeout(0)
  // An owner that is just ending.
  if (greeting === undefined) return undefined
  if (greeting.problem !== undefined) {
    port1.close()
    throw new StreamsError(
      'LOG_REFUSED',
      `process ${greeting.process}, which runs on ${dataDirectory}, is another version of Mto: ${greeting.problem}. Use the same one, or stop that process`,
    )
  }
  port2.on('message', (call) => messages.send(call))
  port2.on('close', () => messages.close())
  return { log: createLogClient(port1, nodeClock), ownerProcess: greeting.process, closed: closed.promise }
}
