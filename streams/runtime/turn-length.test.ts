import { expect, test } from 'vitest'
import { createLogOwner, createMemoryDisk } from '#connectors/embedded-log'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { createStreamsBuilder, serdes } from '../index.ts'
import { type Clock, NO_HEADERS, NO_METRICS, SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig } from './config.ts'
import { createLocalMembership } from './local-membership.ts'
import { createStreamThread } from './stream-thread.ts'

const PARTITIONS = 8
const RECORDS = 500
const RECORD_MS = 5

test('many tasks with slow processors do not keep the thread from commits, queries and heartbeats', async () => {
  const owner = await createLogOwner({
    disk: createMemoryDisk(),
    clock: nodeClock,
    logger: SILENT_LOGGER,
    settings: { fsyncIntervalMs: 0 },
  })
  const log = owner.connect()
  await log.admin.createTopics(['in', 'out'].map((name) => ({ name, partitions: PARTITIONS })))
  const producer = await log.createProducer({ clientId: 'test', bufferBytesMax: 10_000_000 })
  await producer.prepareTopics(['in'])
  const bytes = serdes.string.serialize('x', 'in')
  for (let partition = 0; partition < PARTITIONS; partition++)
    for (let i = 0; i < RECORDS; i++) producer.send('in', partition, bytes, bytes, i, NO_HEADERS)
  await producer.flush()

  // Time passes by records only, and what is between two turns of the event loop is measured in it.
  let nowMs = 0
  let turnedMs = 0
  let longestMs = 0
  let processed = 0
  const clock: Clock = {
    ...nodeClock,
    monotonicMs: () => nowMs,
    sleep: (durationMs, signal) => {
      longestMs = Math.max(longestMs, nowMs - turnedMs)
      turnedMs = nowMs
      return nodeClock.sleep(durationMs, signal)
    },
  }
  const builder = createStreamsBuilder()
  builder
    .stream('in', { key: serdes.string, value: serdes.string })
    .peek(() => {
      nowMs += RECORD_MS
      processed++
    })
    .to('out')
  const thread = createStreamThread({
    name: 'app-1',
    topology: builder.build(),
    config: resolveConfig({ applicationId: 'app', pollMs: 5, pollRecordsMax: PARTITIONS * RECORDS }),
    log,
    membership: createLocalMembership(0, 1),
    stateEngine: createMemoryEngine(),
    memoryEngine: createMemoryEngine(),
    clock,
    logger: SILENT_LOGGER,
    metrics: NO_METRICS,
  })
  const end = thread.run()
  while (processed < PARTITIONS * RECORDS) await nodeClock.sleep(2)
  thread.stop()
  await end
  await log.close()
  await owner.close()
  // 100 ms, looked at every 64 records.
  expect(longestMs).toBeLessThanOrEqual(100 + 64 * RECORD_MS)
})
