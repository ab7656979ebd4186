import { expect, test } from 'vitest'
import { formatMs, formatTable } from './format.ts'
import { createProgress } from './progress.ts'

test('a table is aligned, without blanks at the end', () => {
  const table = formatTable(
    [{ title: 'name' }, { title: 'n', align: 'right' }],
    [
      ['a', '1'],
      ['longer', '1,000'],
    ],
  )
  expect(table).toBe('name        n\n------  -----\na           1\nlonger  1,000\n')
})

test('times are short', () => {
  expect([formatMs(0.25), formatMs(42.4), formatMs(12_345)]).toEqual(['0.3 ms', '42 ms', '12.3 s'])
})

test('plain progress is a line now and then, and notes always', () => {
  let now = 0
  const lines: string[] = []
  const progress = createProgress({
    stream: { write: (text) => lines.push(text) },
    nowMs: () => now,
    plainIntervalMs: 1_000,
  })
  progress.update('one')
  progress.update('two')
  progress.note('note')
  now = 1_000
  progress.update('three')
  expect(lines).toEqual(['one\n', 'note\n', 'three\n'])
})

test('on a terminal one line is rewritten, and gone when it is not needed', () => {
  let now = 0
  const written: string[] = []
  const stream = { isTTY: true, columns: 30, write: (text: string) => written.push(text) }
  const progress = createProgress({ stream, nowMs: () => now })
  progress.update('a line that is longer than the terminal is wide')
  now = 200
  progress.update('short')
  progress.clear()
  progress.clear()
  expect(written).toEqual(['\r\u001b[2Ka line that is longer than th', '\r\u001b[2Kshort', '\r\u001b[2K'])
})
