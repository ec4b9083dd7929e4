import { type Histories, toHistories, userCount } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { rowsOf } from '../../src/model/text-matrix.js'
import type { Dataset } from '../../src/training/dataset.js'
import { HOUR, randomText, VIEWS } from './paths.js'

const GROUPS = 20
/** Nobody has it but where a test plants it. Its text is that of the item before it, which nobody ever has. */
export const PLANTED = 12 * GROUPS + 1
const UNTOUCHED = PLANTED - 1
const ITEMS = PLANTED + 1
const TEXT_LENGTH = 16

/** Users go on to anything of the next group: groups are told by text, and too many items are in each to count pairs. */
export function groupShop(users: number, length = 12, seed = 1): Histories {
  const random = new Random(seed)
  return toHistories(
    Array.from({ length: users }, () => {
      let at = random.below(500) * HOUR
      let group = random.below(GROUPS)
      return Array.from({ length }, () => {
        const event = { item: group + GROUPS * random.below(UNTOUCHED / GROUPS), type: 0, at }
        at += (1 + random.below(100)) * HOUR
        group = random.next() < 0.9 ? (group + 1) % GROUPS : random.below(GROUPS)
        return event
      })
    }),
  )
}

function groupText(): Float32Array {
  const groups = randomText(GROUPS, TEXT_LENGTH)
  const vectors = randomText(ITEMS, TEXT_LENGTH, 2)
  for (let item = 0; item < ITEMS; item++)
    for (let j = 0; j < TEXT_LENGTH; j++) {
      const at = item * TEXT_LENGTH + j
      vectors[at] = groups[(item % GROUPS) * TEXT_LENGTH + j] + 0.3 * vectors[at]
    }
  vectors.copyWithin(PLANTED * TEXT_LENGTH, UNTOUCHED * TEXT_LENGTH, PLANTED * TEXT_LENGTH)
  return vectors
}

/** The events of all users in order of time. @param itemAt what is had at that moment instead */
export function groupDataset(
  histories: Histories,
  itemAt: (item: number, at: number) => number = (item) => item,
): Dataset {
  const users = Uint32Array.from({ length: histories.items.length })
  for (let user = 0; user < userCount(histories); user++)
    users.fill(user, histories.offsets[user], histories.offsets[user + 1])
  const order = Uint32Array.from(users.keys()).sort((a, b) => histories.times[a] - histories.times[b] || a - b)
  return {
    itemIds: Array.from({ length: ITEMS }, (_, item) => `item ${item}`),
    vectors: rowsOf(groupText(), TEXT_LENGTH),
    userCount: userCount(histories),
    events: {
      users: Uint32Array.from(order, (row) => users[row]),
      items: Uint32Array.from(order, (row) => itemAt(histories.items[row], histories.times[row])),
      types: new Uint8Array(order.length),
      times: Float64Array.from(order, (row) => histories.times[row]),
    },
    eventTypes: VIEWS,
    hiddenAfter: ['view'],
    read: order.length,
    unknownItem: 0,
    tooOld: 0,
  }
}
