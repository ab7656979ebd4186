import { createStreamsBuilder } from '#streams'
import type { Prng } from '#streams/base'
import { readCases, readExpected } from '../oracle/data.ts'
import type { OracleCase } from '../oracle/format.ts'
import { oracleTopologies } from '../oracle/topologies.ts'
import { randomApplication } from './random-topology.ts'
import { type SimulatedApplication, type SimulatedRecord, textRecord } from './workload.ts'

/** Every named topology of the repository that a run may draw; random ones come on top. */
export type Catalogue = { readonly named: readonly SimulatedApplication[] }

/** Share of runs that have a topology of their own. */
const RANDOM_SHARE = 0.4

export async function loadCatalogue(): Promise<Catalogue> {
  const expected = await readExpected()
  const endsInError = (name: string): boolean =>
    expected.get(name)?.some(({ outputs }) => outputs.some((output) => 'error' in output)) !== false
  const cases = (await readCases()).filter(({ name }) => !endsInError(name))
  return { named: Object.keys(oracleTopologies).map((name) => oracleApplication(name, cases)) }
}

export function chooseApplication(catalogue: Catalogue, prng: Prng, only?: string): SimulatedApplication {
  const seed = prng.below(1_000_000)
  const isRandom = prng.next() < RANDOM_SHARE
  const at = prng.below(catalogue.named.length)
  if (only === 'random') return randomApplication(seed)
  if (only?.startsWith('random/')) return randomApplication(Number(only.slice('random/'.length)))
  const named = catalogue.named.find(({ name }) => name === only)
  if (named !== undefined) return named
  return isRandom ? randomApplication(seed) : (catalogue.named[at] as SimulatedApplication)
}

/** Inputs are those that Java's answers are known for, one case after another. */
function oracleApplication(name: string, cases: readonly OracleCase[]): SimulatedApplication {
  const own = cases.filter(({ topology }) => topology === name)
  return {
    name,
    usesWallClock: name === 'punctuate_wall_clock',
    build: (persistence) => {
      const builder = createStreamsBuilder()
      oracleTopologies[name]?.(builder)
      return builder.build({ persistence })
    },
    records: (prng) => {
      const records: SimulatedRecord[] = []
      let shiftMs = 0
      for (let i = 1 + prng.below(5); i > 0; i--) {
        let endMs = shiftMs
        for (const input of own[prng.below(own.length)]?.inputs ?? []) {
          if ('advance' in input) continue
          const timestampMs = input.timestamp + shiftMs
          endMs = Math.max(endMs, timestampMs)
          records.push(textRecord(input.topic, input.key, input.value, timestampMs))
        }
        shiftMs = prng.next() < 0.5 ? endMs : endMs + prng.below(30_000)
      }
      return records
    },
  }
}
