import type { KafkaLog } from '#connectors/kafka'
import { parseTaskId, type TaskId } from '#streams/base'
import type { QueryAnswer, StandbyBound, StoreQuery } from '#streams/query'
import { askEndpoint, type PartialAnswer } from './query-endpoint.ts'
import { type RunningApplication, unavailable } from './running-application.ts'
import type { TaskDirectory } from './task-directory.ts'

/** What a process needs to answer for all of its application. */
export type QueryRoute = {
  readonly running: RunningApplication
  readonly directory: TaskDirectory
  readonly log: KafkaLog
  readonly applicationId: string
}

/**
 * Answers for all tasks of an application: those that run here, then those that run elsewhere, over their endpoints,
 * then, where the query allows it, standbys of those that nobody runs now. STATE_UNAVAILABLE where a task is left: what
 * nobody answers for must not look like "there is no such key".
 */
export async function routeQuery(route: QueryRoute, query: StoreQuery): Promise<QueryAnswer> {
  const { running, directory } = route
  const { answer, missing } = await running.queryHere(query)
  if (missing.length === 0) return answer
  const endpoints = directory.endpointsOf(missing, 'active')
  const others = await Promise.all(endpoints.map((endpoint) => askEndpoint(endpoint, { query })))
  const merged = mergeAnswers([answer, ...others])
  const left = missing.filter((id) => !merged.freshness.some(({ taskId }) => taskId === id))
  if (left.length === 0) return merged
  if (query.standbyLagMax === undefined) throw unavailable(query, left)
  const standbys = await Promise.all(left.map((id) => askStandbys(route, query, id)))
  const all = mergeAnswers([merged, ...standbys])
  const unanswered = left.filter((_id, index) => standbys[index] === undefined)
  if (unanswered.length > 0) throw unavailable(query, unanswered)
  return all
}

/** Two processes may answer for one task while it moves: the first counts, so that no entry is there twice. */
function mergeAnswers(answers: readonly (QueryAnswer | undefined)[]): QueryAnswer {
  const entries: QueryAnswer['entries'][number][] = []
  const freshness: QueryAnswer['freshness'][number][] = []
  const answered = new Set<TaskId>()
  for (const answer of answers) {
    if (answer === undefined || answer.freshness.some(({ taskId }) => answered.has(taskId))) continue
    entries.push(...answer.entries)
    freshness.push(...answer.freshness)
    for (const { taskId } of answer.freshness) answered.add(taskId)
  }
  return { entries, freshness }
}

/** The standby of a task that is the least behind; undefined where none is near enough. */
async function askStandbys(route: QueryRoute, query: StoreQuery, id: TaskId): Promise<QueryAnswer | undefined> {
  const { partition } = parseTaskId(id)
  const standby = await standbyBound(route, query, partition)
  if (standby === undefined) return undefined
  const { running, directory } = route
  const asked: StoreQuery = { ...query, partition }
  const answers = await Promise.all([
    running.queryStandbysHere(asked, standby),
    ...directory.endpointsOf([id], 'standby').map((endpoint) => askEndpoint(endpoint, { query: asked, standby })),
  ])
  let best: { readonly answer: QueryAnswer; readonly lag: number } | undefined
  for (const answer of answers) {
    const lag = answer?.freshness[0]?.standbyLag
    if (answer === undefined || lag === undefined || (best !== undefined && lag >= best.lag)) continue
    best = { answer, lag }
  }
  return best?.answer
}

/**
 * How far a standby must be to answer for a partition. Changelog records do not say which input they came from, so "at
 * least as far as this input" is asked of the group: offsets are committed with, or after, the changelog records of what
 * was processed, so a changelog's end that is read after them has all of it, and a standby at that end too.
 */
async function standbyBound(
  { running, log, applicationId }: QueryRoute,
  query: StoreQuery,
  partition: number,
): Promise<StandbyBound | undefined> {
  const { topology } = running
  const changelog = topology.stores.get(query.store)?.changelog
  if (changelog === undefined) return undefined
  const nameOf = ({ name, internal }: { readonly name: string; readonly internal: boolean }): string =>
    internal ? `${applicationId}-${name}` : name
  if (query.atLeast !== undefined) {
    const sub = topology.subTopologies.find(({ stores }) => stores.includes(query.store))
    const inputs = new Set((sub?.sourceTopics ?? []).map(nameOf))
    const wanted = Object.entries(query.atLeast).flatMap(([topic, offsets]) => {
      const offset = offsets[partition]
      return offset === undefined ? [] : [{ topic, partition, offset }]
    })
    if (wanted.some(({ topic }) => !inputs.has(topic))) return undefined
    const committed = await log.admin.committedOffsets(applicationId, wanted)
    const isCommitted = wanted.every(({ topic, offset }) =>
      committed.some((each) => each.topic === topic && each.offset > offset),
    )
    if (!isCommitted) return undefined
  }
  // The offsets of a transaction may be marked as committed before its changelog is: then its records count too.
  const isolation = query.atLeast === undefined ? 'read_committed' : 'read_uncommitted'
  const [end] = await log.admin.endOffsets([{ topic: nameOf(changelog), partition }], isolation)
  if (end === undefined) return undefined
  return { ends: { [partition]: end.offset }, lagMax: query.atLeast === undefined ? (query.standbyLagMax ?? 0) : 0 }
}

/** What a question from another process is answered with. */
export async function answerHere(
  running: RunningApplication,
  { query, standby }: { readonly query: StoreQuery; readonly standby?: StandbyBound },
): Promise<PartialAnswer> {
  if (standby === undefined) return running.queryHere(query)
  return { answer: await running.queryStandbysHere(query, standby), missing: [] }
}
