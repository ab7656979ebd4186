import { startEmbeddedApplication } from '#host'
import type { CommittedOffset, Log, TopicPartition } from '#streams/ports'
import { APPLICATION_ID, INPUT, PARTITIONS } from './application.ts'
import { feed } from './feeder.ts'

/**
 * One life of the crash test's process: feeds and processes until everything is done, then says `done` and ends. It
 * prints a line `restored <json>` for each store that was restored. The parent kills it when it likes.
 *
 *   node process.ts DATA_DIRECTORY EVENTS PAUSE_MS THREADS
 */
const [dataDirectory, events, pauseMs, threads] = process.argv.slice(2) as [string, string, string, string]

const application = await startEmbeddedApplication({
  module: new URL('./application.ts', import.meta.url),
  applicationId: APPLICATION_ID,
  dataDirectory,
  threads: Number(threads),
  logLevel: 'info',
  onRestored: (summary) => process.stdout.write(`restored ${JSON.stringify(summary)}\n`),
})
application.finished.catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
process.stdout.write('started\n')
application.ready.then(
  () => process.stdout.write('running\n'),
  () => {},
)
await feed(application.log, Number(events), Number(pauseMs))
await application.ready
await untilDrained(application.log)
const totals = await application.query({ store: 'counts', kind: 'range', limit: 1000 })
await application.stop()
// Threads deal their tasks out as they come: the order of the entries is no part of the state.
const lines = totals.entries.map((entry) => JSON.stringify(entry)).sort()
process.stdout.write(`counts ${lines.join()}\ndone\n`)

/** Waits until every input, also the repartition topic, is processed and committed to its end. */
async function untilDrained(log: Log): Promise<void> {
  const topics = (await log.admin.listTopics()).filter((name) => name === INPUT || name.endsWith('-repartition'))
  const partitions: TopicPartition[] = topics.flatMap((topic) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })),
  )
  for (;;) {
    const [ends, committed] = await Promise.all([
      log.admin.endOffsets(partitions),
      log.admin.committedOffsets(APPLICATION_ID),
    ])
    const position = (at: TopicPartition): CommittedOffset | undefined =>
      committed.find(({ topic, partition }) => topic === at.topic && partition === at.partition)
    if (ends.every((end) => end.offset === 0 || position(end)?.offset === end.offset)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
