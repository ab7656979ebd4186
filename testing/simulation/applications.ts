import { createStreamsBuilder } from '#streams'
import type { Prng } from '#streams/base'
import { readCases, readExpected } from '../oracle/data.ts'
import type { OracleCase } from '../oracle/format.ts'
import { oracleTopologies } from '../oracle/topologies.ts'
import { benchApplications, deadLetterApplication, programApplication } from './more-applications.ts'
import { randomApplication } from './random-topology.ts'
import { repositoryApplications } from './repository-applications.ts'
import { saccoApplication } from './sacco-application.ts'
import { type SimulatedApplication, type SimulatedRecord, textRecord } from './workload.ts'

/** Every topology of the repository; random ones come on top. */
export type Catalogue = { readonly named: readonly SimulatedApplication[] }

/** Share of runs that have a topology of their own. */
const RANDOM_SHARE = 0.4

export async function loadCatalogue(): Promise<Catalogue> {
  const expected = await readExpected()
  const endsInError = (name: string): boolean =>
    expected.get(name)?.some(({ outputs }) => outputs.some((output) => 'error' in output)) !== false
  const cases = (await readCases()).filter(({ name }) => !endsInError(name))
  const oracle = Object.keys(oracleTopologies).map((name) => oracleApplication(name, cases))
  const others = await repositoryApplications()
  return { named: [...oracle, deadLetterApplication, ...(await benchApplications()), ...others, saccoApplication] }
}

export function chooseApplication(catalogue: Catalogue, prng: Prng, only?: string): SimulatedApplication {
  const seed = prng.below(1_000_000)
  const drawn = prng.next()
  const weighted = catalogue.named.flatMap((each) => Array.from({ length: each.weight ?? 1 }, () => each))
  const at = prng.below(weighted.length)
  if (only !== undefined) return applicationNamed(catalogue, only)
  if (drawn < RANDOM_SHARE) return drawn < RANDOM_SHARE / 2 ? randomApplication(seed) : programApplication(seed)
  return weighted[at] as SimulatedApplication
}

export function applicationNamed(catalogue: Catalogue, name: string): SimulatedApplication {
  if (name.startsWith('random/')) return randomApplication(Number(name.slice('random/'.length)))
  if (name.startsWith('program/')) return programApplication(Number(name.slice('program/'.length)))
  const found = catalogue.named.find((candidate) => candidate.name === name)
  if (found !== undefined) return found
  const known = catalogue.named.map((candidate) => candidate.name).join(', ')
  throw new Error(`there is no topology ${name}; known: random/N, program/N, ${known}`)
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
