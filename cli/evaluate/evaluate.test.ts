import { describe, expect, test } from 'vitest'
import type { Family, Label } from '#load'
import { evaluate, type Flag } from './evaluate.ts'

const HOUR_MS = 3_600_000

function label(family: Family, given: Partial<Label> = {}): Label {
  return {
    ...{ scenarioId: `${family}-1`, family, benign: false, complete: true, note: '' },
    ...{ memberIds: ['M1' as never], staffIds: [], loanIds: [], eventIds: ['e1' as never, 'e2' as never] },
    ...{ fromMs: 10 * HOUR_MS, toMs: 12 * HOUR_MS },
    ...given,
  }
}

function flag(ruleId: string, given: Partial<Flag> = {}): Flag {
  return {
    ...{ flagId: 'f1', ruleId, memberId: 'M1', staffId: null, loanId: null, subjectId: 'M1', eventIds: ['e2'] },
    ...{ fromMs: 11 * HOUR_MS, toMs: 11 * HOUR_MS },
    ...given,
  }
}

const scoreOf = (flags: readonly Flag[], labels: readonly Label[], publishedMs?: number) => {
  const evaluation = evaluate({ flags, labels, ...(publishedMs === undefined ? {} : { publishedMs }) })
  const { precision, recall, labels: count, found, falsePositives, lookAlikesFlagged } = evaluation.overall
  return { precision, recall, labels: count, found, falsePositives, lookAlikesFlagged }
}

describe('evaluate', () => {
  test.each<[what: string, flags: readonly Flag[], labels: readonly Label[], expected: object]>([
    ['a flag with evidence of the scenario', [flag('fan-in')], [label('fan-in')], { precision: 1, recall: 1 }],
    [
      'a flag of its member at that time, with other evidence',
      [flag('fan-in', { eventIds: ['other'] })],
      [label('fan-in')],
      { precision: 1, recall: 1 },
    ],
    [
      'a flag of its member at another time',
      [flag('fan-in', { eventIds: ['other'], fromMs: 20 * HOUR_MS, toMs: 20 * HOUR_MS })],
      [label('fan-in')],
      { precision: 0, recall: 0, falsePositives: 1 },
    ],
    [
      'a flag of another family is no false alarm, but does not find the scenario',
      [flag('sim-swap')],
      [label('fan-in')],
      { precision: 1, recall: 0, found: 0 },
    ],
    [
      'a rule that looks for a family from another side finds it',
      [flag('mass-registration')],
      [label('ghost-borrowers')],
      { precision: 1, recall: 1 },
    ],
    [
      'a look-alike that is flagged is a false alarm',
      [flag('fan-in')],
      [label('fan-in', { benign: true })],
      { precision: 0, falsePositives: 1, lookAlikesFlagged: 1, labels: 0, recall: undefined },
    ],
    [
      'evidence goes before membership: a look-alike beside a fraud stays a false alarm',
      [flag('fan-in', { eventIds: ['honest'] })],
      [label('pin-burst'), label('fan-in', { benign: true, eventIds: ['honest' as never] })],
      { precision: 0, falsePositives: 1, labels: 1, found: 0 },
    ],
    [
      'what was cut short is not missed',
      [],
      [label('fan-in', { complete: false })],
      { labels: 0, recall: undefined, precision: undefined },
    ],
    [
      'staff and loans are subjects too',
      [flag('maker-checker', { memberId: null, subjectId: 'S1', staffId: 'S1', eventIds: [] })],
      [label('maker-checker', { memberIds: [], staffIds: ['S1' as never] })],
      { precision: 1, recall: 1 },
    ],
  ])('%s', (_what, flags, labels, expected) => expect(scoreOf(flags, labels)).toMatchObject(expected))

  test('a scenario that ends after the last published event is cut short', () => {
    expect(scoreOf([], [label('fan-in')], 11 * HOUR_MS)).toMatchObject({ labels: 0 })
    expect(scoreOf([], [label('fan-in')], 12 * HOUR_MS)).toMatchObject({ labels: 1, recall: 0 })
  })

  test('one found and one missed, one right and two wrong', () => {
    const labels = [label('fan-in'), label('fan-in', { memberIds: ['M2' as never], eventIds: ['e9' as never] })]
    const stranger = { memberId: 'M7', subjectId: 'M7', eventIds: ['e7'] }
    const { rules, families } = evaluate({
      flags: [flag('fan-in'), flag('fan-in', stranger), flag('fan-in', stranger)],
      labels,
    })
    expect(rules).toMatchObject([{ rule: 'fan-in', flags: 3, truePositives: 1, falsePositives: 2, precision: 1 / 3 }])
    expect(families.find(({ family }) => family === 'fan-in')).toMatchObject({ labels: 2, found: 1, recall: 0.5 })
  })
})
