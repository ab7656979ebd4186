import { Agent, type ClientRequest, get } from 'node:http'
import type { LoadRecord } from '#load'
import type { DueTimes } from './due-times.ts'
import type { LatencyHistogram } from './latency.ts'

/**
 * A client of the query API over real sockets: asks for the movement that an event makes until it is there, follows
 * fraud flags and metrics live as an open dashboard does, and measures from the due time of the event.
 */
export type ApiProbe = {
  /** A record that was sent; it may be the next sample. */
  offer(record: LoadRecord, dueAtMs: number): void
  readonly failures: number
  close(): void
}

export type ApiProbeOptions = {
  readonly apiUrl: string
  readonly due: DueTimes
  readonly nowMs: () => number
  readonly api: LatencyHistogram
  readonly live: LatencyHistogram
}

const SAMPLE_INTERVAL_MS = 100
const RETRY_MS = 4
/** An answer that has not come by then is a failure. */
const GIVE_UP_MS = 10_000
const MOVES_MONEY: ReadonlySet<string> = new Set(['deposit.completed', 'withdrawal.processed', 'fee.charged'])

type Candidate = { readonly record: LoadRecord; readonly dueAtMs: number }

export function startApiProbe(options: ApiProbeOptions): ApiProbe {
  const { apiUrl, nowMs } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  let candidate: Candidate | undefined
  let failures = 0
  let closed = false
  const sample = async ({ record, dueAtMs }: Candidate): Promise<void> => {
    const path = movementPath(record)
    while (!closed) {
      const body = await readText(`${apiUrl}${path}`, agent)
      if (body.includes(`"eventId":"${record.event.event_id}"`)) {
        options.api.add(nowMs() - dueAtMs)
        return
      }
      if (nowMs() - dueAtMs > GIVE_UP_MS) throw new Error('no answer has it')
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
  const timer = setInterval(() => {
    const next = candidate
    candidate = undefined
    if (next === undefined) return
    sample(next).catch(() => {
      if (!closed) failures++
    })
  }, SAMPLE_INTERVAL_MS)
  const streams = [
    follow(`${apiUrl}/v1/live/fraud-flags`, agent, (data) => takeFlag(data, options)),
    follow(`${apiUrl}/v1/live/metrics`, agent, () => {}),
  ]
  return {
    offer(record, dueAtMs) {
      if (record.kind === 'normal' && MOVES_MONEY.has(record.event.event_type)) candidate = { record, dueAtMs }
    },
    get failures() {
      return failures
    },
    close() {
      closed = true
      clearInterval(timer)
      for (const stream of streams) stream.destroy()
      agent.destroy()
    },
  }
}

/** The movement of exactly this moment on exactly this account. */
function movementPath({ event, timestampMs }: LoadRecord): string {
  const { member_id, account_id } = event.data as { readonly member_id: string; readonly account_id: string }
  const at = encodeURIComponent(new Date(timestampMs).toISOString())
  const query = `account=${encodeURIComponent(account_id)}&from=${at}&to=${at}&limit=1`
  return `/v1/members/${encodeURIComponent(member_id)}/movements?${query}`
}

function readText(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
      response.on('error', reject)
    }).on('error', reject)
  })
}

/** Server-sent events: blocks end with an empty line, data lines hold JSON. */
function follow(url: string, agent: Agent, onData: (data: string) => void): ClientRequest {
  let pending = ''
  const request = get(url, { agent, headers: { accept: 'text/event-stream' } }, (response) => {
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      pending += chunk
      const blocks = pending.split('\n\n')
      pending = blocks.pop() ?? ''
      for (const block of blocks) {
        if (!block.includes('event: flag')) continue
        for (const line of block.split('\n')) if (line.startsWith('data: ')) onData(line.slice('data: '.length))
      }
    })
    response.on('error', () => {})
  })
  // The end of the run cuts the stream; what is missing then shows in the counts.
  request.on('error', () => {})
  return request
}

type LiveFlag = {
  readonly detectedAt: string
  readonly evidence: readonly { readonly eventId: string; readonly time: string }[]
}

function takeFlag(data: string, { due, nowMs, live }: ApiProbeOptions): void {
  const flag = JSON.parse(data) as LiveFlag
  const seenAtMs = nowMs()
  const dueTimes = flag.evidence
    .filter(({ time }) => time === flag.detectedAt)
    .map(({ eventId }) => due.get(eventId) ?? Number.NEGATIVE_INFINITY)
  const dueAtMs = Math.max(Number.NEGATIVE_INFINITY, ...dueTimes)
  if (dueAtMs > 0) live.add(seenAtMs - dueAtMs)
}
