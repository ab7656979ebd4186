import { faultText } from './faults.ts'
import type { RunResult } from './run.ts'
import type { Shrunk } from './shrink.ts'

/** Sums over many runs. */
export class Totals {
  seeds = 0
  failures = 0
  ticks = 0
  events = 0
  virtualMs = 0
  recordsIn = 0
  commits = 0
  embedded = 0
  againstDriver = 0
  /** Runs that were made twice, and were the same. */
  repeated = 0
  boundsChecked = 0
  copies = 0
  polls = 0
  pollsReordered = 0
  skewed = 0
  sharing = 0
  readonly faultsByKind = new Map<string, number>()
  readonly threadEnds = new Map<string, number>()
  readonly applications = new Set<string>()

  add(result: RunResult): void {
    this.seeds++
    if (result.violations.length > 0) this.failures++
    this.ticks += result.ticks
    this.events += result.events
    this.virtualMs += result.virtualMs
    this.recordsIn += result.recordsIn
    this.commits += result.commits
    if (result.plan.log === 'embedded') this.embedded++
    this.polls += result.polls
    this.pollsReordered += result.pollsReordered
    if (new Set(result.plan.clockOffsetsMs).size > 1) this.skewed++
    if (result.plan.threadsPerMachine > 1 && result.plan.members > 1) this.sharing++
    this.copies += result.copies
    this.boundsChecked += result.boundsChecked
    if (result.checkedAgainstDriver) this.againstDriver++
    this.applications.add(result.plan.application.name)
    addAll(this.faultsByKind, result.faultsByKind)
    addAll(this.threadEnds, result.threadEnds)
  }

  /** The lines that are kept in docs/RELIABILITY.md. */
  text({ wallMs, named }: { readonly wallMs?: number; readonly named?: number } = {}): string {
    const count = (value: number): string => value.toLocaleString('en-US')
    const list = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .sort((left, right) => right[1] - left[1])
        .map(([name, times]) => `${name} ${count(times)}`)
        .join(', ') || 'none'
    const faults = [...this.faultsByKind.values()].reduce((sum, times) => sum + times, 0)
    const random = [...this.applications].filter((name) => name.includes('/')).length
    const of = named === undefined ? '' : ` of ${count(named)}`
    return [
      `seeds                ${count(this.seeds)} (${count(this.embedded)} on the embedded log), ${count(this.failures)} failed`,
      `topologies           ${count(this.applications.size - random)}${of} of the repository, ${count(random)} random`,
      `input records        ${count(this.recordsIn)}`,
      `commits tried        ${count(this.commits)}`,
      `events               ${count(this.events)} traced, ${count(this.ticks)} timers`,
      `faults               ${count(faults)}: ${list(this.faultsByKind)}`,
      `order and clocks     ${count(this.pollsReordered)} of ${count(this.polls)} polls of several partitions gave them in another order; clocks differ in ${count(this.skewed)} runs`,
      `processes            with several threads in ${count(this.sharing)} runs`,
      `threads ended        ${list(this.threadEnds)}`,
      `repeatable           ${count(this.repeated)} runs made twice, with the same hash of all that happened`,
      `second oracle        ${count(this.againstDriver)} runs compared with the test driver as well`,
      `standby tasks        ${count(this.copies)} stores of them equal to those of the active tasks in the end`,
      `bounds               looked at ${count(this.boundsChecked)} times`,
      `virtual time         ${(this.virtualMs / 3_600_000).toFixed(1)} h`,
      ...(wallMs === undefined
        ? []
        : [
            `wall time            ${(wallMs / 1000).toFixed(1)} s (${((this.seeds * 1000) / wallMs).toFixed(1)} seeds/s)`,
          ]),
    ].join('\n')
  }
}

function addAll(sums: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, times] of counts) sums.set(name, (sums.get(name) ?? 0) + times)
}

/** What a person needs to go on from a failed seed. */
export function failureText(
  result: RunResult,
  shrunk: Shrunk | undefined,
  replay = `make sim SEED=${result.plan.seed} COUNT=1`,
): string {
  const { plan } = result
  const { seed, application, log, members, partitions, config } = plan
  const shown = shrunk?.result ?? result
  const faults = shrunk?.faults ?? plan.faults
  const lines = [
    `Seed ${seed} failed: ${application.name}, ${members} members, ${partitions} partitions, ${log} log, ${config.processingGuarantee}`,
    `Replay: ${replay}`,
    ...shown.violations.slice(0, 4).map(({ checker, message }) => `  ${checker}: ${message}`),
    faults.length === 0
      ? 'It fails without any fault.'
      : shrunk === undefined
        ? `Its ${faults.length} faults:`
        : `The ${faults.length} of its ${plan.faults.length} faults that are needed for it to fail:`,
    ...faults.map((fault) => `  ${faultText(fault)}`),
  ]
  return lines.join('\n')
}
