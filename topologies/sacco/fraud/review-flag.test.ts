import { describe, expect, test } from 'vitest'
import { createSaccoDriver } from '../testing/sacco-driver.ts'
import { FLAG_STEPS_MAX, type FlagReview } from './stores.ts'

type Step = readonly [by: string, action: string, extra?: { readonly status?: string; readonly reason?: string }]

const STATUS: Readonly<Record<string, string>> = {
  take: 'taken',
  escalate: 'escalated',
  close: 'closed_confirmed',
  note: 'unknown',
}

/** Sends the steps through the topology, and says where the work stands, and which steps changed nothing. */
function work(steps: readonly Step[], ids?: readonly string[]) {
  using sacco = createSaccoDriver()
  steps.forEach(([by, action, { status, reason = 'because' } = {}], index) => {
    const data = {
      flag_id: 'F1',
      subject_kind: 'member',
      subject_id: 'M1',
      member_id: 'M1',
      status: status ?? STATUS[action] ?? 'open',
      action,
      reviewed_by: by,
      reason,
      reviewed_at: new Date(sacco.nowMs).toISOString(),
    } as never
    sacco.send('fraud.flag.reviewed', data, ids === undefined ? {} : { id: ids[index] as string })
  })
  const review = sacco.get<FlagReview>('fraud-flag-reviews', 'F1')
  return {
    status: review?.status,
    assignee: review?.assignee,
    by: review?.reviewed_by,
    refused: review?.steps.map(({ refused }) => refused).filter((each) => each !== null),
    steps: review?.steps ?? [],
  }
}

describe('the work on a flag', () => {
  const cases: readonly [string, readonly Step[], string, string | null, readonly string[]][] = [
    ['is taken', [['A', 'take']], 'taken', 'A', []],
    [
      'taken again by the same changes nothing',
      [
        ['A', 'take'],
        ['A', 'take'],
      ],
      'taken',
      'A',
      [],
    ],
    [
      'the first of two takers has it',
      [
        ['A', 'take'],
        ['B', 'take'],
      ],
      'taken',
      'A',
      ['taken-by-another'],
    ],
    [
      'only the assignee closes it',
      [
        ['A', 'take'],
        ['B', 'close'],
      ],
      'taken',
      'A',
      ['taken-by-another'],
    ],
    [
      'is closed',
      [
        ['A', 'take'],
        ['A', 'close'],
      ],
      'closed_confirmed',
      'A',
      [],
    ],
    ['is closed without being taken', [['A', 'close']], 'closed_confirmed', 'A', []],
    [
      'is closed as reported',
      [
        ['A', 'take'],
        ['A', 'close', { status: 'closed_reported' }],
      ],
      'closed_reported',
      'A',
      [],
    ],
    [
      'is closed once',
      [
        ['A', 'close'],
        ['B', 'close'],
      ],
      'closed_confirmed',
      'A',
      ['is-closed'],
    ],
    ['is not closed without a reason', [['A', 'close', { reason: '' }]], 'open', null, ['no-reason']],
    [
      'is opened again',
      [
        ['A', 'close'],
        ['B', 'reopen'],
      ],
      'open',
      null,
      [],
    ],
    ['cannot be opened while open', [['A', 'reopen']], 'open', null, ['is-not-closed']],
    [
      'is passed on, and taken by somebody else',
      [
        ['A', 'take'],
        ['A', 'escalate'],
        ['B', 'take'],
      ],
      'taken',
      'B',
      [],
    ],
    [
      'is given back',
      [
        ['A', 'take'],
        ['A', 'release', { reason: '' }],
      ],
      'open',
      null,
      [],
    ],
    [
      'of somebody who is ill is given back with a reason',
      [
        ['A', 'take'],
        ['B', 'release'],
      ],
      'open',
      null,
      [],
    ],
    [
      'of somebody else is not given back without one',
      [
        ['A', 'take'],
        ['B', 'release', { reason: '' }],
      ],
      'taken',
      'A',
      ['no-reason'],
    ],
    [
      'takes notes of anybody, closed too',
      [
        ['A', 'close'],
        ['B', 'note'],
      ],
      'closed_confirmed',
      'A',
      [],
    ],
  ]
  test.each(cases)('%s', (_name, steps, status, assignee, refused) => {
    expect(work(steps)).toMatchObject({ status, assignee, refused })
  })

  test('what was refused stays in the history, and says why', () => {
    const { steps } = work([
      ['A', 'take'],
      ['B', 'close', { reason: 'I know him' }],
    ])
    expect(steps.map(({ action, by, status, reason, refused }) => [action, by, status, reason, refused])).toEqual([
      ['take', 'A', 'taken', 'because', null],
      ['close', 'B', 'taken', 'I know him', 'taken-by-another'],
    ])
  })

  test('the same event again changes nothing', () => {
    const again = work(
      [
        ['A', 'take'],
        ['A', 'release'],
        ['A', 'take'],
      ],
      ['E1', 'E2', 'E1'],
    )
    expect([again.status, again.steps.length]).toEqual(['open', 2])
  })

  test('events of version 1.0 say what was done by their status', () => {
    expect(work([['A', null as never, { status: 'taken' }]])).toMatchObject({ status: 'taken', assignee: 'A' })
    const closed = work([['A', null as never, { status: 'closed_false_positive' }]])
    expect(closed).toMatchObject({ status: 'closed_false_positive', by: 'A' })
  })

  test('the history is bounded', () => {
    const notes = Array.from({ length: FLAG_STEPS_MAX + 5 }, (): Step => ['A', 'note'])
    expect(work(notes).steps).toHaveLength(FLAG_STEPS_MAX)
  })
})
