import type { Log } from '#streams/ports'
import { APPLICATION_ID, OUTPUTS, REGROUPED_OUTPUT, REKEYED_OUTPUT, STORES } from './application.ts'
import { type ReadRecord, readTopic } from './read-all.ts'

export type Sequences = readonly (readonly ReadRecord[])[]
export type Outputs = ReadonlyMap<string, Sequences>

export const ALL_OUTPUTS: readonly string[] = [...OUTPUTS, REKEYED_OUTPUT, REGROUPED_OUTPUT]

export async function readOutputs(log: Log): Promise<Outputs> {
  const found = new Map<string, Sequences>()
  for (const topic of ALL_OUTPUTS) found.set(topic, await readTopic(log, topic))
  return found
}

/** In words, what is not as in an undisturbed run. */
export function outputDifferences(actual: Outputs, expected: Outputs): readonly string[] {
  const regrouped = [actual, expected].map((outputs) => JSON.stringify(lastOfEachKey(outputs.get(REGROUPED_OUTPUT))))
  return [
    ...OUTPUTS.flatMap((topic) =>
      differences(actual.get(topic), expected.get(topic)).map((line) => `${topic} ${line}`),
    ),
    // A changed key sends records of several tasks into one partition: the order is that of each key.
    ...differences(byKey(actual.get(REKEYED_OUTPUT)), byKey(expected.get(REKEYED_OUTPUT))),
    // Behind the repartition topic the inputs of a key may interleave: the number of updates and the totals are the same.
    ...(regrouped[0] === regrouped[1] ? [] : [`${REGROUPED_OUTPUT}: ${regrouped[0]} instead of ${regrouped[1]}`]),
  ]
}

/** Changelogs of an application's stores, for `stateDifferences`. */
export async function readChangelogs(log: Log, applicationId: string): Promise<Outputs> {
  const found = new Map<string, Sequences>()
  for (const store of STORES) found.set(store, await readTopic(log, `${applicationId}-${store}-changelog`))
  return found
}

/** In words, which stores are not what they are after an undisturbed run: by key, whatever came in between. */
export function stateDifferences(changelogs: Outputs, expected: Outputs): readonly string[] {
  return STORES.flatMap((store) => {
    const [actual, wanted] = [
      lastOfEachKey(changelogs.get(store), false),
      lastOfEachKey(expected.get(`${APPLICATION_ID}-${store}-changelog`), false),
    ].map((state) => JSON.stringify(state))
    return actual === wanted ? [] : [`store ${store}: ${actual?.slice(0, 500)} instead of ${wanted?.slice(0, 500)}`]
  })
}

/**
 * In words, what at-least-once has lost: an update that never came, or a total that is smaller than it should be.
 * Counting anew what was not committed makes totals larger, never smaller.
 */
export function missingOutputs(actual: Sequences | undefined, expected: Sequences | undefined): readonly string[] {
  const updates = (partitions: Sequences | undefined): number => partitions?.flat().length ?? 0
  const totals = (partitions: Sequences | undefined): ReadonlyMap<string, bigint> =>
    new Map(partitions?.flat().map(({ key, value }) => [key, BigInt(`0x${value}`)]))
  const found = totals(actual)
  return [
    ...(updates(actual) >= updates(expected) ? [] : [`${updates(actual)} updates instead of ${updates(expected)}`]),
    ...[...totals(expected)].flatMap(([key, total]) => {
      const has = found.get(key)
      return has !== undefined && has >= total ? [] : [`key ${key}: ${has ?? 'nothing'} instead of ${total}`]
    }),
  ]
}

/** The first difference of each sequence, in words: a whole diff says less. */
function differences(actual: Sequences | undefined, wanted: Sequences | undefined): readonly string[] {
  if (actual?.length !== wanted?.length) return [`${actual?.length} sequences instead of ${wanted?.length}`]
  return (wanted ?? []).flatMap((sequence, index) => {
    const found = actual?.[index] ?? []
    for (let at = 0; at < Math.max(found.length, sequence.length); at++) {
      if (JSON.stringify(found[at]) === JSON.stringify(sequence[at])) continue
      return [
        `sequence ${index} of ${found.length} instead of ${sequence.length} at ${at}: ${JSON.stringify(found[at])} instead of ${JSON.stringify(sequence[at])}`,
      ]
    }
    return []
  })
}

function byKey(partitions: Sequences | undefined): Sequences {
  const keyed = Map.groupBy(partitions?.flat() ?? [], ({ key }) => key)
  return [...keyed].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, records]) => records)
}

function lastOfEachKey(partitions: Sequences | undefined, countsUpdates = true): readonly unknown[] {
  return (partitions ?? []).map((records) => ({
    ...(countsUpdates ? { updates: records.length } : {}),
    totals: Object.fromEntries(
      [...new Map(records.map(({ key, value }) => [key, value]))].sort(([left], [right]) => (left < right ? -1 : 1)),
    ),
  }))
}
