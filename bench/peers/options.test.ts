import { describe, expect, it } from 'vitest'
import { parseOptions, usage } from './options.ts'
import { parseTold } from './told.ts'
import { peerEvent } from './topics.ts'

describe('options', () => {
  it('are a whole comparison unless told', () => {
    expect(parseOptions([])).toMatchObject({
      events: 1_000_000,
      rounds: 3,
      threads: 2,
      peers: ['java', 'mto'],
      only: ['alo-cache', 'eos-cache', 'alo', 'eos', 'eos-own'],
      restoreRecords: 0,
      restore: true,
      latency: false,
    })
  })

  it('choose', () => {
    const options = parseOptions(['--only', 'eos,alo', '--no-restore', '--events', '500', '--peers', 'mto'])
    expect(options).toMatchObject({ only: ['eos', 'alo'], restore: false, events: 500, peers: ['mto'] })
    expect(parseOptions(['--only', 'none', '--latency'])).toMatchObject({ only: [], latency: true })
  })

  it('have events enough for the changelogs that are restored: each event is in two of them', () => {
    expect(parseOptions(['--events', '10', '--restore-records', '1001'])).toMatchObject({
      events: 501,
      restoreRecords: 1001,
    })
    expect(parseOptions(['--events', '900', '--restore-records', '1001'])?.events).toBe(900)
  })

  it.each([
    { args: ['--restore-records', '0'], error: "--restore-records is a whole number from 1 on, not '0'" },
    { args: ['--paced', 'eos'], error: "--paced: there is no 'eos', only alo-paced, eos-paced, eos-own-paced" },
    { args: ['--events', '0'], error: "--events is a whole number from 1 on, not '0'" },
    { args: ['--rounds', 'many'], error: "not 'many'" },
    { args: ['--only', 'eso'], error: "--only: there is no 'eso', only alo-cache, eos-cache, alo, eos" },
    { args: ['--group-protocol', 'old'], error: 'only classic, streams' },
    { args: ['--unknown'], error: '--unknown' },
  ])('$args are refused with a reason', ({ args, error }) => {
    expect(() => parseOptions(args)).toThrow(error)
  })

  it('are all in the help', () => {
    expect(parseOptions(['--help'])).toBeUndefined()
    const named = [
      'events',
      'rounds',
      'only',
      'threads',
      'peers',
      'restore-records',
      'latency',
      'paced',
      'rate',
      'baseline',
    ]
    for (const option of named) expect(usage).toContain(`--${option}`)
  })
})

describe('what a peer says', () => {
  it('is JSON; other lines are somebody else', () => {
    expect(parseTold('{"kind":"processed","atMs":5,"records":7}')).toEqual({ kind: 'processed', atMs: 5, records: 7 })
    expect(parseTold('WARN something of a library')).toBeUndefined()
    expect(parseTold('{"kind":"processed","atMs":5,"rec')).toBeUndefined()
  })
})

it('events are of the size that was said, and some members have more than ten in a minute', () => {
  const counts = new Map<string, number>()
  let bytes = 0
  for (let number = 0; number < 60_000; number++) {
    const event = peerEvent(number)
    if (number % 1000 === 0) bytes += JSON.stringify(event).length / 60
    counts.set(event.memberId, (counts.get(event.memberId) ?? 0) + 1)
  }
  expect(bytes).toBeGreaterThan(240)
  expect(bytes).toBeLessThan(270)
  // Six on average, independent: 4.3 % have more than ten.
  const busy = [...counts.values()].filter((count) => count > 10).length
  expect(busy).toBeGreaterThan(300)
  expect(busy).toBeLessThan(550)
})
