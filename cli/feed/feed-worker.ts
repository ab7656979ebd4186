import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { createPacer, type EventStream, formatLabel, type LoadRecord } from '#load'
import { messageOf, present, StreamsError } from '#streams/base'
import type { Log } from '#streams/ports'
import { createTopicLagMeter, type LagMeter } from '../platform/application-lag.ts'
import { connectFeedLog } from '../platform/feed-log.ts'
import { preciseClock } from '../platform/precise-clock.ts'
import { schemasOf } from '../platform/sacco-module.ts'
import { type ApiProbe, startApiProbe } from './api-probe.ts'
import { createDueTimes, type DueTimes } from './due-times.ts'
import type { FeedProgress, FeedReport, FeedRequest, FeedSchedule, FeedStart, LatencyReport } from './feed-messages.ts'
import { streamOf } from './feed-plan.ts'
import { createLatencyHistogram } from './latency.ts'
import { type LatencyProbe, startLatencyProbe } from './latency-probe.ts'
import { createRecordSource, type RecordSource } from './record-source.ts'
import { createSender, type Sender } from './sender.ts'
import { createSentTimes, type SentTimes } from './sent-times.ts'

/** The worker thread of the feeder: makes records, sends them when they are due, and watches what becomes of them. */
const port = present(parentPort, 'this module is the entry of a worker thread')
const start = workerData as FeedStart
const report = (message: FeedReport): void => port.postMessage(message)
const clock = preciseClock

const UNPACED_BATCH_RECORDS = 500
/**
 * The platform may be so many records behind an unpaced feeder: enough to keep it busy, few enough that what belongs
 * together (a registration and the first deposit, in different topics) is not torn apart by minutes.
 */
const BEHIND_RECORDS_MAX = 10_000
/**
 * The same by simulated time, since history has few records a day: topics are read at different speeds, and a repayment
 * that is read days after the transactions of its day would make an honest borrower look late.
 */
const BEHIND_SIMULATED_MAX_MS = 86_400_000
const LOOK_INTERVAL_MS = 25
const REPORT_INTERVAL_MS = 500
const ACCELERATED_TICK_MS = 20
/** Each tick is a transaction, and each of those wakes whoever reads: half as many save more time than they cost. */
const PACED_TICK_MS = 10

const stopped = new AbortController()
const go = Promise.withResolvers<void>()
const finish = Promise.withResolvers<void>()
port.on('message', (request: FeedRequest) => {
  if (request.kind === 'go') go.resolve()
  if (request.kind === 'finish') finish.resolve()
  if (request.kind === 'stop') {
    stopped.abort()
    go.resolve()
    finish.resolve()
  }
})

type Feed = {
  readonly stream: EventStream
  readonly source: RecordSource
  readonly sender: Sender
  readonly lag: LagMeter
  readonly sent: SentTimes
  readonly labels: WriteStream | undefined
  readonly measuring: Measuring | undefined
  phase: FeedProgress['phase']
  liveRecords: number
  lagMs: number
  reportedMs: number
}

type Measuring = {
  readonly due: DueTimes
  readonly probe: LatencyProbe
  readonly api: ApiProbe | undefined
  report(): LatencyReport
}

async function startMeasuring(log: Log): Promise<Measuring | undefined> {
  if (start.measure === undefined) return undefined
  const due = createDueTimes()
  const nowMs = (): number => clock.wallClockMs()
  const histograms = {
    balance: createLatencyHistogram(),
    flag: createLatencyHistogram(),
    api: createLatencyHistogram(),
    live: createLatencyHistogram(),
  }
  const { applicationId, prepared } = start
  const schemas = schemasOf(prepared)
  const probe = await startLatencyProbe({ log, schemas, applicationId, due, nowMs, ...histograms })
  const { apiUrl } = start.measure
  const api = apiUrl === undefined ? undefined : startApiProbe({ apiUrl, due, nowMs, ...histograms })
  return {
    due,
    probe,
    api,
    report: () => ({
      balance: histograms.balance.summary(),
      flag: histograms.flag.summary(),
      api: histograms.api.summary(),
      live: histograms.live.summary(),
      apiFailures: api?.failures ?? 0,
    }),
  }
}

function progressOf(feed: Feed): FeedProgress {
  const { records, publishedMs } = feed.sender.state
  const { phase, liveRecords, lagMs } = feed
  return { phase, records, liveRecords, publishedMs, lagMs, latency: feed.measuring?.report() }
}

function reportNowAndThen(feed: Feed): void {
  const nowMs = clock.monotonicMs()
  if (nowMs - feed.reportedMs < REPORT_INTERVAL_MS) return
  feed.reportedMs = nowMs
  report({ kind: 'progress', progress: progressOf(feed) })
}

function writeLabels({ labels, stream }: Feed): void {
  for (const label of stream.takeLabels()) labels?.write(formatLabel(label))
}

async function send(feed: Feed, records: readonly LoadRecord[], ended = false): Promise<void> {
  await feed.sender.send(records, ended)
  feed.sent.add(records)
  writeLabels(feed)
  reportNowAndThen(feed)
}

/** Makes the records again that are in the log, so that the world is where it was, and sends none of them. */
async function skip(feed: Feed): Promise<void> {
  const { records } = feed.sender.state
  for (let made = 0; made < records && !stopped.signal.aborted; made++) {
    const record = feed.source.take()
    if (record?.phase === 'live') feed.liveRecords++
    if (made % UNPACED_BATCH_RECORDS !== 0) continue
    // Lets messages in, and the labels of what is skipped go to the file again.
    writeLabels(feed)
    const nowMs = clock.monotonicMs()
    if (nowMs - feed.reportedMs < REPORT_INTERVAL_MS) continue
    feed.reportedMs = nowMs
    report({ kind: 'progress', progress: { ...progressOf(feed), records: made } })
    await clock.sleep(0)
  }
}

async function waitForRoom(feed: Feed): Promise<void> {
  while (!stopped.signal.aborted) {
    const behind = await feed.lag.read()
    if (behind <= BEHIND_RECORDS_MAX && feed.sent.spanOfLast(behind) <= BEHIND_SIMULATED_MAX_MS) return
    reportNowAndThen(feed)
    await clock.sleep(LOOK_INTERVAL_MS, stopped.signal)
  }
}

async function sendUnpaced(feed: Feed, accepts: (record: LoadRecord) => boolean, countMax: number): Promise<void> {
  let left = countMax
  while (left > 0 && !stopped.signal.aborted) {
    const records = feed.source.takeWhile(Math.min(left, UNPACED_BATCH_RECORDS), accepts)
    if (records.length === 0) return
    await waitForRoom(feed)
    if (stopped.signal.aborted) return
    if (feed.phase === 'live') remember(feed, records, clock.wallClockMs())
    await send(feed, records)
    left -= records.length
  }
}

function remember(feed: Feed, records: readonly LoadRecord[], dueAtMs: number | readonly number[]): void {
  const { measuring } = feed
  feed.liveRecords += records.length
  if (measuring === undefined) return
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as LoadRecord
    if (record.kind === 'duplicate') continue
    const due = typeof dueAtMs === 'number' ? dueAtMs : (dueAtMs[i] ?? 0)
    measuring.due.set(record.event.event_id, due)
    measuring.api?.offer(record, due)
  }
}

async function sendLive(feed: Feed, schedule: FeedSchedule): Promise<void> {
  switch (schedule.kind) {
    case 'unpaced':
      return sendUnpaced(feed, () => true, schedule.records - feed.liveRecords)
    case 'rate':
      return sendAtRate(feed, schedule)
    case 'accelerated':
      return sendAccelerated(feed, schedule.factor)
  }
}

async function sendAtRate(feed: Feed, schedule: FeedSchedule & { readonly kind: 'rate' }): Promise<void> {
  const { recordsPerSecond, seconds } = schedule
  const pacer = createPacer({
    clock,
    schedule: { kind: 'rate', recordsPerSecond },
    tickMs: PACED_TICK_MS,
    signal: stopped.signal,
  })
  const source = feed.source.first(Math.round(recordsPerSecond * seconds))
  for await (const { records, dueAtMs } of pacer.batches(source)) {
    remember(feed, records, dueAtMs)
    feed.lagMs = pacer.stats().lagMs
    await send(feed, records)
  }
}

/** Simulated time goes on from where it was, `factor` times as fast as the clock, and never overtakes it. */
async function sendAccelerated(feed: Feed, factor: number): Promise<void> {
  const anchorMs = Math.max(feed.sender.state.publishedMs, start.plan.startMs)
  const startedMs = clock.monotonicMs()
  while (!stopped.signal.aborted) {
    const simulatedMs = anchorMs + (clock.monotonicMs() - startedMs) * factor
    const untilMs = Math.min(simulatedMs, clock.wallClockMs())
    const records = feed.source.takeWhile(UNPACED_BATCH_RECORDS, ({ publishAtMs }) => publishAtMs <= untilMs)
    if (feed.source.peek() === undefined) return
    feed.lagMs = Math.max(0, (untilMs - (records.at(-1)?.publishAtMs ?? untilMs)) / factor)
    remember(feed, records, clock.wallClockMs())
    if (records.length > 0) await waitForRoom(feed)
    await send(feed, records)
    reportNowAndThen(feed)
    if (records.length < UNPACED_BATCH_RECORDS) await clock.sleep(ACCELERATED_TICK_MS, stopped.signal)
  }
}

async function openLabels(): Promise<WriteStream | undefined> {
  const { labelsFile } = start
  if (labelsFile === undefined) return undefined
  await mkdir(dirname(labelsFile), { recursive: true })
  return createWriteStream(labelsFile)
}

async function closeLabels(labels: WriteStream | undefined): Promise<void> {
  if (labels === undefined) return
  await new Promise<void>((resolve, reject) => {
    labels.once('error', reject)
    labels.end(resolve)
  })
}

async function main(): Promise<void> {
  const log = await connectFeedLog(start.log)
  const stream = streamOf(start.plan)
  const sender = await createSender({ log, schemas: schemasOf(start.prepared), plan: start.plan })
  const feed: Feed = {
    stream,
    source: createRecordSource(stream),
    sender,
    lag: await createTopicLagMeter(log, start.inputTopics, start.applicationId),
    sent: createSentTimes(),
    labels: await openLabels(),
    measuring: await startMeasuring(log),
    phase: 'skipping',
    liveRecords: 0,
    lagMs: 0,
    reportedMs: 0,
  }
  await skip(feed)
  feed.phase = 'opening'
  await sendUnpaced(feed, ({ phase }) => phase === 'opening', Number.POSITIVE_INFINITY)
  report({ kind: 'opening-done', records: sender.state.records })
  await go.promise
  if (!stopped.signal.aborted) await feedLive(feed)
  feed.measuring?.api?.close()
  await feed.measuring?.probe.close()
  writeLabels(feed)
  await closeLabels(feed.labels)
  await sender.close()
  report({ kind: 'finished', progress: progressOf(feed) })
  await log.close()
}

/** Live traffic, then what is still under way, so that a stream that has ended is whole. */
async function feedLive(feed: Feed): Promise<void> {
  feed.phase = 'live'
  const startedMs = clock.monotonicMs()
  const sentBefore = feed.liveRecords
  await sendLive(feed, start.schedule)
  const elapsedMs = clock.monotonicMs() - startedMs
  const sentPerSecond = ((feed.liveRecords - sentBefore) * 1_000) / Math.max(1, elapsedMs)
  report({ kind: 'live-done', progress: progressOf(feed), elapsedMs, sentPerSecond })
  await finish.promise
  if (stopped.signal.aborted) return
  feed.stream.finish()
  await sendUnpaced(feed, () => true, Number.POSITIVE_INFINITY)
  if (!stopped.signal.aborted) await send(feed, [], true)
}

try {
  await main()
} catch (error) {
  report({
    kind: 'failed',
    code: error instanceof StreamsError ? error.code : undefined,
    message: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  })
}
port.close()
