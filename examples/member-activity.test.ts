import { serdes } from 'mto'
import { createTestDriver } from 'mto/testing'
import { expect, test } from 'vitest'
import { topology } from './member-activity.ts'

test('a member who moves more than the daily limit is named', () => {
  using driver = createTestDriver(topology(), { partitions: 6 })
  const members = driver.inputTopic('members', { key: serdes.string, value: serdes.json() })
  const transactions = driver.inputTopic('transactions', { key: serdes.string, value: serdes.json() })
  const alerts = driver.outputTopic('limit-alerts', { key: serdes.string, value: serdes.string })

  members.pipe('member-7', { name: 'Wanjiku', dailyLimitMinor: 500_000 }, 0)
  transactions.pipe('member-7', { amountMinor: 300_000, channel: 'mpesa' }, 1_000)
  expect(alerts.isEmpty).toBe(true)

  driver.crash() // nothing that was committed is lost
  transactions.pipe('member-7', { amountMinor: 300_000, channel: 'cash' }, 2_000)
  expect(alerts.readAll()).toMatchObject([{ key: 'member-7', value: 'Wanjiku moved 6000 KES in a day' }])
})
