/**
 * How much longer than the election of new leaders an application stands still when one of three brokers dies:
 *
 *     node testing/crash/cluster-stall.ts [kills]
 *
 * Two members with standbys, exactly-once, 100 records a second. The election is watched by a client of its own; the
 * output and the input by readers, so that a feeder which stands still is told from an application that does.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKafkaLog } from '#connectors/kafka'
import { startCluster } from '../broker/index.ts'
import { INPUT, OUTPUTS, PARTITIONS } from './application.ts'
import { feed } from './feeder.ts'
import { freshTopics } from './kafka-disturbed-run.ts'
import { startMember, untilSaid } from './kafka-group.ts'
import { watchProgress } from './watch-progress.ts'

const NODES = 3
const RATE_PER_SECOND = 100
const READY_WITHIN_MS = 90_000
/** After the election: longer than any stall that was ever seen. */
const WATCHED_MS = 5_000

const kills = Number(process.argv[2] ?? 3)
const directory = await mkdtemp(join(tmpdir(), 'mto-stall-'))
const cluster = await startCluster({ nodes: NODES })
try {
  await measure()
} finally {
  await cluster.stop()
  await rm(directory, { recursive: true, force: true })
}
// The feeder has no end of its own.
process.exit()

async function measure(): Promise<void> {
  const { brokers } = cluster
  const log = await createKafkaLog({ brokers, clientId: 'stall', limits: { retryTimeoutMs: READY_WITHIN_MS } })
  await freshTopics(log)
  const settings = {
    brokers,
    applicationId: 'stall-app',
    directory,
    guarantee: 'exactly_once_v2',
    standbys: 1,
  } as const
  const members = ['a', 'b'].map((name) => startMember(name, settings))
  for (const member of members) await untilSaid(member, 'ready', READY_WITHIN_MS)
  const output = watchProgress(log, OUTPUTS[0])
  const input = watchProgress(log, INPUT)
  feed(log, Number.MAX_SAFE_INTEGER, RATE_PER_SECOND).catch((error: unknown) =>
    console.error('the feeder ended', error),
  )
  const outputs = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: OUTPUTS[0], partition }))
  while (!(await log.admin.endOffsets(outputs)).every(({ offset }) => offset > 0)) await sleep(100)
  await sleep(WATCHED_MS)
  const extras: number[] = []
  for (let i = 0; i < kills; i++) {
    const node = i % NODES
    const calmMs = output.longestStall().ms
    input.longestStall()
    const killedMs = Date.now()
    await cluster.kill(node)
    const electedMs = await untilElected(node, killedMs)
    await sleep(WATCHED_MS)
    const stall = output.longestStall()
    const inputStall = input.longestStall()
    const extraMs = stall.fromMs + stall.ms - killedMs - electedMs
    extras.push(extraMs)
    console.log(
      `kill ${i + 1}, broker ${node + 1}: leaders after ${electedMs} ms, output ${extraMs} ms later ` +
        `(input ${inputStall.fromMs + inputStall.ms - killedMs - electedMs} ms; longest pause before the kill ${calmMs} ms)`,
    )
    await cluster.restart(node)
    while (!(await log.operations.topicHealth()).every(({ underReplicated }) => underReplicated === 0)) await sleep(200)
    await sleep(WATCHED_MS)
  }
  extras.sort((left, right) => left - right)
  console.log(
    `ms after the election, smallest / middle / largest: ${extras[0]} / ${extras[kills >> 1]} / ${extras.at(-1)}`,
  )
  for (const member of members) await member.kill('SIGKILL')
}

/** Milliseconds until every partition has a leader again, as a client sees it that has never asked the dead broker. */
async function untilElected(node: number, killedMs: number): Promise<number> {
  const alive = cluster.brokers.filter((_, index) => index !== node)
  const asker = await createKafkaLog({ brokers: alive, clientId: 'election' })
  try {
    for (;;) {
      const ids = (await asker.operations.brokers()).map(({ nodeId }) => nodeId)
      const topics = await asker.operations.topicHealth()
      if (!ids.includes(node + 1) && topics.every(({ withoutLeader }) => withoutLeader === 0))
        return Date.now() - killedMs
      await sleep(15)
    }
  } finally {
    await asker.close()
  }
}
