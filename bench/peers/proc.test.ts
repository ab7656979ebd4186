import { expect, it } from 'vitest'
import { cpuSecondsIn, residentMiBMaxIn, usageOf } from './proc.ts'

it('adds user and system time, whatever the program is called', () => {
  const fields = 'S 1 77 77 0 -1 4194560 900 0 3 0 1234 66 0 0 20 0 11 0 55 1000 2000 18446744073709551615'
  expect(cpuSecondsIn(`77 (node) ${fields}`)).toBe(13)
  expect(cpuSecondsIn(`77 (a (strange) name) ${fields}`)).toBe(13)
  expect(() => cpuSecondsIn('nothing of the kind')).toThrow('not /proc/PID/stat')
})

it('reads the peak of resident memory', () => {
  const status = 'Name:\tnode\nVmPeak:\t 9999999 kB\nVmHWM:\t  524288 kB\nVmRSS:\t    1024 kB\n'
  expect(residentMiBMaxIn(status)).toBe(512)
  expect(() => residentMiBMaxIn('Name:\tnode\n')).toThrow('VmHWM')
})

it.runIf(process.platform === 'linux')('measures a process that runs, and says that another one does not', async () => {
  const before = await usageOf(process.pid)
  expect(before?.cpuSeconds).toBeGreaterThan(0)
  expect(before?.residentMiBMax).toBeGreaterThanOrEqual(process.memoryUsage().rss / 2 ** 20 / 2)
  expect(await usageOf(2 ** 30)).toBeUndefined()
})
