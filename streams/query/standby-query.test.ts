import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeClock } from '#host'
import { createMemoryEngine } from '#state-stores'
import { createStreamsBuilder, serdes } from '../index.ts'
import { SILENT_LOGGER } from '../ports/index.ts'
import { resolveConfig, type StreamThread } from '../runtime/index.ts'
import { resolveTopology } from '../runtime/resolved-topology.ts'
import { StandbyTasks } from '../runtime/standby-task.ts'
import { createThreadWorld, type ThreadWorld } from '../runtime/testing/thread-world.ts'
import { executeStateQuery, mergeStateResults, type StateQueryRequest } from './index.ts'

const TEXTS = { key: serdes.string, value: serdes.string } as const
let world: ThreadWorld
let standbys: StandbyTasks
/** Has only a standby: of a thread, what queries look at. */
let thread: StreamThread

beforeEach(async () => {
  world = await createThreadWorld(['in'])
  const builder = createStreamsBuilder()
  builder.stream('in', TEXTS).toTable({ store: 'table' })
  const topology = builder.build()
  await world.send('in', [{ key: 'a', value: 'first' }])
  expect(await world.run(topology)).toBeUndefined()
  const config = resolveConfig({ applicationId: 'app' })
  const resolved = resolveTopology(topology, config, { partitionsOf: () => 1, names: ['in'] })
  const stateEngine = createMemoryEngine()
  const parts = { log: world.log, stateEngine, clock: nodeClock, logger: SILENT_LOGGER, config, threadName: 'app-2' }
  standbys = new StandbyTasks(parts)
  for (const id of resolved.tasks) await standbys.open(id, resolved)
  while (standbys.lags().some(({ lag }) => lag > 0)) await standbys.update(resolved)
  const nothing = { tasks: new Map(), globalStores: new Map(), metadata: () => ({ tasks: [] }) }
  thread = { name: 'app-2', topology: resolved, standbys, ...nothing } as unknown as StreamThread
})
afterEach(async () => {
  await standbys.closeAll()
  await world.close()
})

const request: StateQueryRequest = { store: 'table', query: { kind: 'key', key: 'a' }, partitions: [0] }

test('a standby answers, unless who runs the task is asked for or a position that it cannot know', () => {
  const [answer] = Object.values(executeStateQuery(thread, { ...request, executionInfo: true }).partitions)
  expect(answer).toMatchObject({
    isSuccess: true,
    isStandby: true,
    entries: [{ key: 'a', value: 'first' }],
    position: {},
  })
  expect(answer?.executionInfo[0]).toMatch('standby of task 0_0')
  expect(executeStateQuery(thread, { ...request, requireActive: true }).partitions).toEqual({})
  expect(executeStateQuery(thread, { ...request, positionBound: { in: { 0: 0 } } }).partitions[0]).toMatchObject({
    isSuccess: false,
    reason: 'NOT_UP_TO_BOUND',
  })
})

test('who runs the task is preferred, whoever answered first', () => {
  const standby = executeStateQuery(thread, request)
  const one = { taskId: undefined, position: {}, executionInfo: [], isCut: false, streamTimeMs: 7, entries: [] }
  const active = { partitions: { 0: { ...one, isSuccess: true as const } } }
  for (const answers of [
    [standby, active],
    [active, standby],
  ])
    expect(mergeStateResults(request, answers).partitions[0]).toMatchObject({ streamTimeMs: 7 })
})
