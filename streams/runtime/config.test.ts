import { expect, test } from 'vitest'
import { resolveConfig } from './config.ts'

test('the commit interval follows the guarantee', () => {
  expect(resolveConfig({ applicationId: 'a' }).commitIntervalMs).toBe(100)
  expect(resolveConfig({ applicationId: 'a', processingGuarantee: 'at_least_once' }).commitIntervalMs).toBe(30_000)
  expect(resolveConfig({ applicationId: 'a', commitIntervalMs: 7 }).commitIntervalMs).toBe(7)
})

test('commits ahead of the interval are made under exactly-once, unless an interval is given', () => {
  const shareOf = (options: Partial<Parameters<typeof resolveConfig>[0]>) =>
    resolveConfig({ applicationId: 'a', ...options }).commitShareMax
  expect(shareOf({})).toBe(0.5)
  expect(shareOf({ processingGuarantee: 'at_least_once' })).toBe(0)
  expect(shareOf({ commitIntervalMs: 100 })).toBe(0)
  expect(shareOf({ commitIntervalMs: 100, commitShareMax: 0.2 })).toBe(0.2)
})

test.each([
  [{ applicationId: 'a', commitShareMax: 1.5 }, /commitShareMax is 1.5, it must be from 0 to 1/],
  [{ applicationId: 'a', commitShareMax: -1 }, /commitShareMax is -1, it must be a number of at least 0/],
  [{ applicationId: '' }, /applicationId is ''/],
  [{ applicationId: 'a b' }, /letters, digits/],
  [{ applicationId: 'a', pollRecordsMax: 0 }, /pollRecordsMax is 0, it must be a number of at least 1/],
  [{ applicationId: 'a', maxTaskIdleMs: -2 }, /maxTaskIdleMs is -2/],
  [{ applicationId: 'a', cacheBytesMax: Number.NaN }, /cacheBytesMax is NaN/],
  [
    { applicationId: 'a', processingGuarantee: 'exactly_once' as 'exactly_once_v2' },
    /exactly_once_v2 or at_least_once/,
  ],
  [
    { applicationId: 'a', commitInterval: 5 } as { applicationId: string },
    /no setting commitInterval; known: .*commitIntervalMs/,
  ],
])('%j is refused', (options, message) => {
  expect(() => resolveConfig(options)).toThrow(message)
})
