import { expect, test } from 'vitest'
import { createMemoryBudget, type MemoryBudgetOptions } from './memory-budget.ts'

const OPTIONS: MemoryBudgetOptions = {
  name: 'cacheBytesMax',
  bytesMax: 1000,
  bytesPerColumnMin: 10,
  bytesPerColumnMax: 400,
  databasesExpected: 4,
}

test('databases get equal shares, divided among their columns, then less and less, then the least', () => {
  const budget = createMemoryBudget(OPTIONS)
  const granted = Array.from({ length: 7 }, () => budget.take(2).bytesPerColumn)
  expect(granted).toEqual([125, 125, 125, 62, 31, 16, 10])
  expect(budget.bytesTaken).toBeLessThanOrEqual(1000)
})

test('the bound is never passed: the one too many is refused by name', () => {
  const budget = createMemoryBudget({ ...OPTIONS, bytesMax: 100 })
  const shares = [budget.take(4), budget.take(4)]
  expect(() => budget.take(4)).toThrow(
    expect.objectContaining({ code: 'LIMIT_EXCEEDED', message: expect.stringContaining('Raise cacheBytesMax') }),
  )
  shares[0]?.release()
  shares[0]?.release()
  expect(budget.bytesTaken).toBe(40)
  expect(budget.take(4).bytesPerColumn).toBe(10)
})

test('one column gets no more than the most', () => {
  expect(createMemoryBudget({ ...OPTIONS, databasesExpected: 2 }).take(1).bytesPerColumn).toBe(400)
})
