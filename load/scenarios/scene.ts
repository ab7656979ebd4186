import type { EventId, LoanId, MemberId, StaffId } from '#schemas'
import { assert } from '#streams/base'
import type { Family, Label } from '../labels.ts'
import type { Staff } from '../population.ts'
import type { Random } from '../random.ts'
import { type Flow, isAlive, type Loan, type Person, reservePerson, type World } from '../world.ts'

/**
 * A scenario that is being played. It is a flow: everything that it emits is noted for its label, and it ends when
 * nothing that it planned is left to do.
 */
export type Scene = {
  readonly world: World
  readonly random: Random
  readonly flow: Flow
  /** The same flow without keeping ids: for what happens around the scenario, but is no part of it. */
  readonly aside: Flow
  after(delayMs: number, run: () => void): void
  on(timeMs: number, run: () => void): void
  /** Somebody who is in no other scenario, for as long as this one lasts; named in the label. */
  cast(fits?: (person: Person) => boolean): Person | undefined
  /** Several; undefined if there are not enough. */
  castMany(count: number, fits?: (person: Person) => boolean): readonly Person[] | undefined
  /** Names somebody in the label who was not cast: people who join in the scenario. */
  involve(person: Person): void
  involveStaff(staff: Staff): void
  involveLoan(loan: Loan): void
}

export type Scenario = {
  readonly family: Family
  readonly benign: boolean
  readonly note: string
  /** With fewer events the pattern did not come about (money ran out, say): the label is then incomplete. */
  readonly eventsMin: number
  /** False if it cannot be played now (nobody fits); it must then not have emitted anything. */
  play(scene: Scene): boolean
}

/** More at once would mean rates that leave nobody for ordinary life. */
const SCENES_OPEN_MAX = 20_000

export type Stage = {
  /** Starts a scenario now; false if it could not be played. */
  play(scenario: Scenario): boolean
  /** Labels of what has ended since the last call. */
  takeLabels(): readonly Label[]
  /** Labels of everything that is still going on, as incomplete. */
  closeAll(): void
  readonly counts: { played: number; skipped: number }
}

type Noted = {
  readonly scenario: Scenario
  readonly id: string
  readonly cast: Person[]
  readonly memberIds: MemberId[]
  readonly staffIds: StaffId[]
  readonly loanIds: LoanId[]
  readonly eventIds: EventId[]
  fromMs: number
  toMs: number
  pending: number
}

export function createStage(world: World): Stage {
  let labels: Label[] = []
  const open = new Set<Noted>()
  const counts = { played: 0, skipped: 0 }

  const close = (noted: Noted, complete: boolean): void => {
    open.delete(noted)
    for (const person of noted.cast) person.reservedUntilMs = 0
    if (noted.eventIds.length === 0) return
    const { scenario, memberIds, staffIds, loanIds, eventIds, fromMs, toMs } = noted
    const { family, benign, note } = scenario
    labels.push({
      scenarioId: noted.id,
      family,
      benign,
      memberIds,
      staffIds,
      loanIds,
      eventIds,
      fromMs,
      toMs,
      complete: complete && eventIds.length >= scenario.eventsMin,
      note,
    })
  }
  return {
    counts,
    play(scenario) {
      assert(open.size < SCENES_OPEN_MAX, `${SCENES_OPEN_MAX} scenarios at once: lower scenarios.fraudPerDay`)
      const id = world.newReference(`SC-${scenario.family}-`)
      const noted: Noted = {
        scenario,
        id,
        cast: [],
        memberIds: [],
        staffIds: [],
        loanIds: [],
        eventIds: [],
        fromMs: 0,
        toMs: 0,
        pending: 1,
      }
      open.add(noted)
      const done = (): void => {
        if (--noted.pending === 0) close(noted, true)
      }
      const isPlayed = scenario.play(createScene(world, noted, done))
      assert(isPlayed || noted.eventIds.length === 0, `${scenario.family} gave up after it had begun`)
      counts[isPlayed ? 'played' : 'skipped']++
      done()
      return isPlayed
    },
    takeLabels() {
      const taken = labels
      labels = []
      return taken
    },
    closeAll() {
      for (const noted of [...open]) close(noted, false)
    },
  }
}

function createScene(world: World, noted: Noted, done: () => void): Scene {
  const { scenarioTimeScale } = world.options
  const on = (timeMs: number, run: () => void): void => {
    noted.pending++
    world.at(timeMs, () => {
      run()
      done()
    })
  }
  const after = (delayMs: number, run: () => void): void => on(world.nowMs + delayMs * scenarioTimeScale, run)
  const add = <T>(list: T[], item: T): void => {
    if (!list.includes(item)) list.push(item)
  }
  const cast = (fits: (person: Person) => boolean = isAlive): Person | undefined => {
    const person = reservePerson(world, Number.POSITIVE_INFINITY, fits)
    if (person !== undefined) {
      noted.cast.push(person)
      noted.memberIds.push(person.member.id)
    }
    return person
  }
  return {
    world,
    random: world.random,
    after,
    on,
    flow: {
      after,
      on,
      note(id) {
        if (noted.eventIds.length === 0) noted.fromMs = world.nowMs
        noted.eventIds.push(id)
        noted.toMs = world.nowMs
      },
    },
    aside: { after, on, note: () => undefined },
    cast,
    castMany(count, fits) {
      const persons: Person[] = []
      while (persons.length < count) {
        const person = cast(fits)
        if (person === undefined) return undefined
        persons.push(person)
      }
      return persons
    },
    involve: (person) => add(noted.memberIds, person.member.id),
    involveStaff: (staff) => add(noted.staffIds, staff.id),
    involveLoan: (loan) => add(noted.loanIds, loan.id),
  }
}
