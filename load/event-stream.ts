import type { AccountId } from '#schemas'
import { DAY_MS } from './calendar.ts'
import { planCalendar } from './calendar-jobs.ts'
import type { Label } from './labels.ts'
import { planOpening } from './opening.ts'
import { completeOptions, type EventOptions, type Flaws, type ScenarioRates } from './options.ts'
import { createOrdinaryLife } from './ordinary-life.ts'
import type { Sacco } from './population.ts'
import { createPublisher } from './publisher.ts'
import { createRandom, subSeed } from './random.ts'
import type { LoadRecord } from './records.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { createStage, type Scenario, type Stage } from './scenarios/scene.ts'
import { createWorld, type World } from './world.ts'

export type EventStreamOptions = Partial<Omit<EventOptions, 'flaws' | 'scenarios'>> & {
  readonly flaws?: Partial<Flaws>
  readonly scenarios?: Partial<ScenarioRates>
}

/** What the world itself says about its accounts: what a fold of the published events must come to. */
export type WorldBalance = { readonly balanceMinor: number; readonly heldMinor: number }

export type EventStream = IterableIterator<LoadRecord, undefined> & {
  readonly sacco: Sacco
  readonly options: EventOptions
  /** Nothing new happens from now on; what has happened is still published, then the stream ends. */
  finish(): void
  /** Labels of the scenarios that ended since the last call; after the end also of those that were cut off. */
  takeLabels(): readonly Label[]
  /** Balances of all members' accounts, including what is not published yet. */
  balances(): ReadonlyMap<AccountId, WorldBalance>
  /** Scenarios played, and those for which nobody fitted. */
  readonly scenarioCounts: { readonly played: number; readonly skipped: number }
}

/**
 * The life of a SACCO as records in order of publication, made one at a time: only what is under way is in memory.
 * The same SACCO and options give the same records.
 */
export function events(sacco: Sacco, given: EventStreamOptions = {}): EventStream {
  const options = completeOptions(given, sacco.options.seed)
  const publisher = createPublisher(options)
  const world = createWorld(sacco, options, publisher)
  const stage = createStage(world)
  const life = createOrdinaryLife(world)
  let lifeMs = Number.POSITIVE_INFINITY
  // Up to here everything has happened: nothing that is made later is published before it.
  let happenedMs = Number.NEGATIVE_INFINITY
  let isFinished = false

  planOpening(world)
  world.at(sacco.options.startMs, () => {
    world.phase = 'live'
    lifeMs = life.nextMs(world.nowMs)
    planCalendar(world)
    planScenarios(world, stage)
  })

  const finish = (): void => {
    if (isFinished) return
    isFinished = true
    happenedMs = Number.POSITIVE_INFINITY
    stage.closeAll()
  }
  const advance = (): void => {
    const agendaMs = world.agenda.headTimeMs()
    const nextMs = Math.min(agendaMs, lifeMs)
    if (nextMs >= options.untilMs || nextMs === Number.POSITIVE_INFINITY) {
      finish()
      return
    }
    world.nowMs = Math.floor(nextMs)
    if (agendaMs <= lifeMs) world.agenda.pop()?.()
    else {
      life.act()
      lifeMs = life.nextMs(lifeMs)
    }
    happenedMs = Math.min(world.agenda.headTimeMs(), Math.floor(lifeMs))
  }
  return {
    sacco,
    options,
    finish,
    takeLabels: stage.takeLabels,
    scenarioCounts: stage.counts,
    balances: () => balancesOf(world),
    [Symbol.iterator]() {
      return this
    },
    next() {
      for (;;) {
        const record = publisher.next(happenedMs)
        if (record !== undefined) return { done: false, value: record }
        if (isFinished) return { done: true, value: undefined }
        advance()
      }
    },
    return() {
      finish()
      return { done: true, value: undefined }
    },
  }
}

/**
 * Each scenario comes as a Poisson process of its own. The first one of each comes within the first mean waiting time,
 * so that a short run has every family.
 */
function planScenarios(world: World, stage: Stage): void {
  const random = createRandom(subSeed(world.options.seed, 'scenarios'))
  for (const scenario of SCENARIOS) {
    const perDay = rateOf(world.options.scenarios, scenario)
    if (perDay <= 0) continue
    const meanMs = DAY_MS / perDay
    const again = (): void => {
      stage.play(scenario)
      world.at(world.nowMs + Math.ceil(random.exponential(meanMs)), again)
    }
    world.at(world.nowMs + Math.ceil(random.next() * meanMs), again)
  }
}

function rateOf(rates: ScenarioRates, scenario: Scenario): number {
  const own = rates.byFamily[scenario.family]
  return scenario.benign ? rates.benignPerDay : (own ?? rates.fraudPerDay)
}

function balancesOf(world: World): ReadonlyMap<AccountId, WorldBalance> {
  const balances = new Map<AccountId, WorldBalance>()
  for (const person of world.persons) {
    // Those whose books are not opened yet have no accounts.
    if (person.member.openedAtMs > world.nowMs) continue
    for (const { id, balanceMinor, heldMinor } of [person.fosa, person.bosa, person.shares]) {
      balances.set(id, { balanceMinor, heldMinor })
    }
  }
  return balances
}
