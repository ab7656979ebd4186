import type { Socket } from 'node:net'
import { deserialize, serialize } from 'node:v8'
import { messageOf, StreamsError } from '#streams/base'

/**
 * Plain data over a socket between two processes of this machine: each message is its length (4 bytes, big-endian) and
 * what V8's structured clone makes of it. For processes of one user only: whoever may connect may write the log anyway.
 */
export type MessageSocket = {
  send(message: unknown): void
  /** Ends the connection after what was sent. */
  close(): void
}

export type MessageHandlers = {
  readonly onMessage: (message: unknown) => void
  /** Once, whoever ended it; with an error where the other side sent what is no message. */
  readonly onClose: (error: Error | undefined) => void
}

const LENGTH_BYTES = 4
/** More than a client ever hands over at once: its buffer, what a step may run past it, and one record. */
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024

export function createMessageSocket(socket: Socket, { onMessage, onClose }: MessageHandlers): MessageSocket {
  let failure: Error | undefined
  const take = createFrameReader((frame) => onMessage(deserialize(frame)))
  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    try {
      take(chunk)
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(messageOf(error))
      socket.destroy()
    }
  })
  // What was under way ends with the connection, and its callers hear of it there.
  socket.on('error', () => {})
  socket.on('close', () => onClose(failure))
  return {
    send(message) {
      if (socket.destroyed) return
      const body = serialize(message)
      if (body.length > MESSAGE_BYTES_MAX) {
        failure ??= tooLong(body.length)
        socket.destroy()
        return
      }
      const head = Buffer.allocUnsafe(LENGTH_BYTES)
      head.writeUInt32BE(body.length)
      socket.cork()
      socket.write(head)
      socket.write(body)
      socket.uncork()
    },
    close: () => void socket.end(),
  }
}

/** Gives whole frames, in whatever pieces the bytes arrive. */
function createFrameReader(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let bytes = 0
  let wanted = LENGTH_BYTES
  let isBody = false
  return (chunk) => {
    chunks.push(chunk)
    bytes += chunk.length
    while (bytes >= wanted) {
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes)
      const part = all.subarray(0, wanted)
      chunks = all.length === wanted ? [] : [all.subarray(wanted)]
      bytes -= wanted
      if (isBody) {
        wanted = LENGTH_BYTES
        isBody = false
        onFrame(part)
      } else {
        wanted = part.readUInt32BE(0)
        if (wanted > MESSAGE_BYTES_MAX) throw tooLong(wanted)
        isBody = true
      }
    }
  }
}

function tooLong(bytes: number): StreamsError {
  return new StreamsError(
    'LIMIT_EXCEEDED',
    `a message of ${bytes} bytes between two processes on one log; ${MESSAGE_BYTES_MAX} are allowed`,
  )
}
