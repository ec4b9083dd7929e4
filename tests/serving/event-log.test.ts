import { expect, test } from 'vitest'
import { groupByUser, historyOf } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { EventLog } from '../../src/serving/event-log.js'

test('tells what a user did before an event, as the histories do', () => {
  const random = new Random(9)
  const log = new EventLog()
  const rows = Array.from({ length: 5000 }, (_, n) => {
    const event = { item: random.below(50), type: random.below(3), at: 1000 * (n + random.below(20)) }
    return log.append(`user ${random.below(30)}`, event)
  })
  const columns = log.columns()
  const histories = groupByUser(columns, log.userCount)
  for (const row of rows.slice(-300)) {
    const { users, items, times } = columns
    const whole = historyOf(histories, users[row])
    const previous = log.previous(row, Infinity)
    // Later rows of the same or an earlier moment came after it.
    const later = rows.slice(row + 1).filter((r) => users[r] === users[row] && times[r] <= times[row]).length
    const upTo = whole.filter(({ at }) => at <= times[row]).length
    expect(previous).toHaveLength(upTo - later - 1)
    expect(previous.every(({ at }, i) => i === 0 || previous[i - 1].at <= at)).toBe(true)
    expect(log.previous(row, 5)).toHaveLength(Math.min(5, previous.length))
    expect(items[row]).toBeLessThan(50)
  }
})

test('knows a double click, and weighs what is recent', () => {
  const log = new EventLog()
  const event = { item: 4, type: 1, at: 1_000_000 }
  expect(log.isRepeat('ann', event)).toBe(false)
  log.append('ann', event)
  expect(log.isRepeat('ann', { ...event, at: 1_059_999 })).toBe(true)
  expect(log.isRepeat('ann', { ...event, at: 1_060_000 })).toBe(false)
  expect(log.isRepeat('ann', { ...event, type: 2 })).toBe(false)
  expect(log.isRepeat('ben', event)).toBe(false)
  log.append('ann', { item: 5, type: 0, at: 1_000_100 })
  expect(log.isRepeat('ann', event)).toBe(false)
  const out = new Float64Array(6)
  log.weighSince(1_000_000, [0.5, 2], out)
  expect([...out]).toEqual([0, 0, 0, 0, 2, 0.5])
  log.weighSince(1_000_050, [0.5, 2], out)
  expect([...out]).toEqual([0, 0, 0, 0, 2, 1])
})
