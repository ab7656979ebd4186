import { readFile } from 'node:fs/promises'

/** What a process has used since it was started, threads that have ended included. */
export type Usage = { readonly cpuSeconds: number; readonly residentMiBMax: number }

/** Linux tells times in hundredths of a second on every machine that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100
const UTIME = 14
const STIME = 15
/** The fields after the name of the program begin with the third. */
const FIRST_AFTER_NAME = 3

/** CPU seconds from the text of /proc/PID/stat. The program's name may hold blanks and brackets. */
export function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[UTIME - FIRST_AFTER_NAME]) + Number(fields[STIME - FIRST_AFTER_NAME])
  if (!Number.isFinite(ticks)) throw new Error(`this is not /proc/PID/stat: ${stat}`)
  return ticks / TICKS_PER_SECOND
}

/** Peak resident memory from the text of /proc/PID/status. */
export function residentMiBMaxIn(status: string): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kibibytes === undefined) throw new Error('there is no VmHWM in /proc/PID/status: has the process ended?')
  return Number(kibibytes) / 1024
}

/** Undefined where the process has ended. */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ])
    // Between its end and our wait for it a process has no memory any more.
    if (!status.includes('VmHWM')) return undefined
    return { cpuSeconds: cpuSecondsIn(stat), residentMiBMax: residentMiBMaxIn(status) }
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(String((error as { code?: unknown }).code))) return undefined
    throw error
  }
}
