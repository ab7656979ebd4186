import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createKafkaLog } from '#connectors/kafka'
import { startBroker } from '../broker/index.ts'
import { REGROUPED_OUTPUT } from './application.ts'
import { missingOutputs, outputDifferences, readChangelogs, readOutputs, stateDifferences } from './compare-outputs.ts'
import { type Disturbance, disturbedRun } from './kafka-disturbed-run.ts'
import { readTopic } from './read-all.ts'
import { undisturbedRun } from './undisturbed.ts'

/**
 * The long form of kafka-kill.kafka.test.ts: processes of one application under load, one of them killed again and
 * again, the broker killed and started in the middle; then everything is compared with an undisturbed run.
 *
 *   node testing/crash/kafka-kill-run.ts --minutes 5 --guarantee exactly_once_v2 --every 10
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    guarantee: { type: 'string', default: 'exactly_once_v2' },
    /** Seconds between two disturbances. */
    every: { type: 'string', default: '10' },
    /** Events per second, about. */
    rate: { type: 'string', default: '1000' },
    members: { type: 'string', default: '3' },
    standbys: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    /** Freezes members too, besides killing them. */
    freeze: { type: 'boolean', default: false },
    /** Leaves the broker alone. */
    'no-broker-restart': { type: 'boolean', default: false },
  },
})
const BATCH = 200
const COMMIT_MS = 12
const BROKER_DOWN_MS = 2_000
const DRAIN_MS_MAX = 120_000

const guarantee = values.guarantee === 'at_least_once' ? 'at_least_once' : 'exactly_once_v2'
const events = Math.round(Number(values.minutes) * 60 * Number(values.rate))
const say = (text: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}

const directory = await mkdtemp(join(tmpdir(), 'mto-kill-run-'))
const broker = await startBroker()
const log = await createKafkaLog({
  brokers: [broker.brokers],
  clientId: 'kill-run',
  limits: { retryTimeoutMs: 60_000 },
})
let differences: readonly string[] = ['the run did not end']
try {
  const expected = await undisturbedRun(directory, events)
  say(`${events} events, ${values.members} processes, ${guarantee}, a disturbance every ${values.every} s`)
  const applicationId = 'kill-run'
  const disturbances: readonly Disturbance[] = values.freeze ? ['kill', 'freeze'] : ['kill']
  const restartBroker = async (): Promise<void> => {
    say('the broker is killed')
    await broker.kill()
    await new Promise((resolve) => setTimeout(resolve, BROKER_DOWN_MS))
    await broker.restart()
    say('the broker is back')
  }
  const run = await disturbedRun({
    log,
    settings: { brokers: [broker.brokers], applicationId, directory, guarantee, standbys: Number(values.standbys) },
    members: Number(values.members),
    events,
    pauseMs: Math.max(0, (BATCH * 1000) / Number(values.rate) - COMMIT_MS),
    disturbEveryMs: Number(values.every) * 1000,
    disturbances,
    seed: Number(values.seed),
    drainMsMax: DRAIN_MS_MAX,
    say,
    ...(values['no-broker-restart'] ? {} : { inTheMiddle: restartBroker }),
  })
  differences =
    guarantee === 'exactly_once_v2'
      ? [
          ...outputDifferences(await readOutputs(log), expected),
          ...stateDifferences(await readChangelogs(log, applicationId), expected),
        ]
      : missingOutputs(await readTopic(log, REGROUPED_OUTPUT), expected.get(REGROUPED_OUTPUT))
  const stalls = run.stalls.map(({ ms }) => ms).sort((left, right) => left - right)
  say(
    `${run.kills} kills, ${run.freezes} freezes; stalls: median ${stalls[stalls.length >> 1]} ms, longest ${stalls.at(-1)} ms`,
  )
} finally {
  await log.close()
  await broker.stop()
  await rm(directory, { recursive: true, force: true })
}
for (const difference of differences) say(`DIFFERENT: ${difference}`)
say(differences.length === 0 ? 'equal to an undisturbed run' : `${differences.length} differences`)
process.exitCode = differences.length === 0 ? 0 : 1
