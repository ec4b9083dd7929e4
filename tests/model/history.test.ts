import { expect, it } from 'vitest'
import { before, evidenceOf, groupByUser, historyOf, toHistories } from '../../src/model/history.js'

it('groups rows by user, orders them by time and keeps the arrival order of one moment', () => {
  const histories = groupByUser(
    {
      users: Uint32Array.of(1, 0, 1, 1, 0),
      items: Uint32Array.of(5, 6, 7, 8, 9),
      types: Uint8Array.of(0, 1, 0, 1, 0),
      times: Float64Array.of(20, 3, 10, 20, 3),
    },
    3,
  )
  expect([...histories.offsets]).toEqual([0, 2, 5, 5])
  expect([...histories.items]).toEqual([6, 9, 7, 5, 8])
  expect(historyOf(histories, 1)).toEqual([
    { item: 7, type: 0, at: 10 },
    { item: 5, type: 0, at: 20 },
    { item: 8, type: 1, at: 20 },
  ])
  expect(historyOf(histories, 2)).toEqual([])
})

it('reads a history strictly before a moment, newest last', () => {
  const histories = toHistories([[1, 2, 2, 3].map((at, item) => ({ item, type: 0, at }))])
  expect(historyOf(histories, 0, 2).map((event) => event.item)).toEqual([0])
  expect(historyOf(histories, 0, 3, 2).map((event) => event.item)).toEqual([1, 2])
  expect([...before(histories, 3).items]).toEqual([0, 1, 2])
})

it('takes dislikes and types of weight 0 for no evidence', () => {
  const types = evidenceOf([
    { name: 'view', weight: 1, meaning: 'positive' },
    { name: 'share', weight: 2, meaning: 'neutral' },
    { name: 'impression', weight: 0, meaning: 'neutral' },
    { name: 'dislike', weight: 3, meaning: 'negative' },
  ])
  expect([...types]).toEqual([1, 1, 0, 0])
})
