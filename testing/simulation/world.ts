import type { Bounds } from './bounds.ts'
import { countedAs, type Fault } from './faults.ts'
import type { Plan } from './plan.ts'
import { Registry } from './registry.ts'
import { TraceHash } from './trace-hash.ts'
import { VirtualTime } from './virtual-time.ts'

export type Violation = { readonly checker: string; readonly message: string }

/** After so many of one run there is nothing more to learn. */
const VIOLATIONS_MAX = 20

/** What all parts of a run share. */
export class World {
  readonly plan: Plan
  readonly time = new VirtualTime()
  readonly trace = new TraceHash()
  readonly registry: Registry
  readonly violations: Violation[] = []
  readonly faultsByKind = new Map<string, number>()
  readonly faultsHappened: Fault[] = []
  /** Errors with which threads ended, by code. */
  readonly threadEnds = new Map<string, number>()

  /** One of each process. */
  readonly bounds: Bounds[] = []

  /** Polls that brought several partitions, and those in another order than that of their assignment. */
  polls = 0
  pollsReordered = 0

  /** The second oracle could be asked. */
  checkedAgainstDriver = false

  constructor(plan: Plan) {
    this.plan = plan
    const isAtomic = plan.config.processingGuarantee !== 'at_least_once'
    this.registry = new Registry(isAtomic && plan.log === 'simulated')
  }

  violation(checker: string, message: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ checker, message })
  }

  happened(fault: Fault): void {
    const name = countedAs(fault)
    this.faultsByKind.set(name, (this.faultsByKind.get(name) ?? 0) + 1)
    this.faultsHappened.push(fault)
    this.trace.add(`${this.time.nowMs} fault ${fault.kind} ${fault.member}`)
  }
}
