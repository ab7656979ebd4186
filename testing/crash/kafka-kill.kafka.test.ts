import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaLog, type KafkaLog } from '#connectors/kafka'
import { REGROUPED_OUTPUT } from './application.ts'
import {
  missingOutputs,
  type Outputs,
  outputDifferences,
  readChangelogs,
  readOutputs,
  stateDifferences,
} from './compare-outputs.ts'
import { type Disturbance, disturbedRun } from './kafka-disturbed-run.ts'
import { readTopic } from './read-all.ts'
import { undisturbedRun } from './undisturbed.ts'

/**
 * Three processes of one application on a real broker, one after the other killed with SIGKILL under load and started
 * again, or frozen until the group has given its tasks to others. Exactly-once says that the end is that of an
 * undisturbed run, record for record. For longer runs: kafka-kill-run.ts.
 */
const EVENTS = 16_000
const SEED = Number(process.env.CRASH_SEED ?? 20_261_120)
const EVERY_MS = 4_000
/** One batch of 200 events; so the load lasts as long as the kills do. */
const PAUSE_MS = 190
const DRAIN_MS_MAX = 60_000

const brokers = inject('kafkaBrokers')

let directory: string
let log: KafkaLog
let expected: Outputs

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mto-crash-kafka-'))
  expected = await undisturbedRun(directory, EVENTS)
  log = await createKafkaLog({ brokers, clientId: 'crash-test' })
}, 60_000)

afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

function run(
  name: string,
  guarantee: 'exactly_once_v2' | 'at_least_once',
  disturbances: readonly Disturbance[],
): Promise<{ applicationId: string }> {
  const applicationId = `${name}-${Date.now().toString(36)}`
  return disturbedRun({
    log,
    settings: { brokers, applicationId, directory: join(directory, name), guarantee, standbys: 0 },
    members: 3,
    events: EVENTS,
    pauseMs: PAUSE_MS,
    disturbEveryMs: EVERY_MS,
    disturbances,
    seed: SEED,
    drainMsMax: DRAIN_MS_MAX,
  }).then(() => ({ applicationId }))
}

describe('members of a group on Kafka', () => {
  test.each<[string, string, readonly Disturbance[]]>([
    ['killed with SIGKILL', 'killed', ['kill']],
    ['frozen until others have their tasks', 'frozen', ['freeze']],
  ])('%s, exactly-once: outputs and state of an undisturbed run', { timeout: 150_000 }, async (_what, name, kinds) => {
    const { applicationId } = await run(name, 'exactly_once_v2', kinds)
    expect(outputDifferences(await readOutputs(log), expected)).toEqual([])
    expect(stateDifferences(await readChangelogs(log, applicationId), expected)).toEqual([])
  })

  test('killed with SIGKILL, at-least-once: nothing is missing', { timeout: 150_000 }, async () => {
    await run('repeated', 'at_least_once', ['kill'])
    expect(missingOutputs(await readTopic(log, REGROUPED_OUTPUT), expected.get(REGROUPED_OUTPUT))).toEqual([])
  })
})
