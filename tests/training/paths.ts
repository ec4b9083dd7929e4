import { toHistories, type EventType, type Histories, type Interaction } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'

export const VIEWS: EventType[] = [{ name: 'view', weight: 1, meaning: 'positive' }]
export const HIDES = Uint8Array.of(1)
export const HOUR = 3_600_000

/**
 * Users who walk along paths: item i is followed by i + 1 mostly, else by anything. A random text says nothing. Users start
 * at random and come by through the whole time.
 */
export function pathShop(users: number, items: number, { seed = 1, follow = 0.75, length = 14 } = {}): Histories {
  const random = new Random(seed)
  return toHistories(
    Array.from({ length: users }, () => {
      let at = random.below(500) * HOUR
      let item = random.below(items)
      const list: Interaction[] = []
      for (let i = 0; i < length; i++) {
        list.push({ item, type: 0, at })
        at += (1 + random.below(100)) * HOUR
        item = random.next() < follow ? (item + 1) % items : random.below(items)
      }
      return list
    }),
  )
}

/** The same users and moments with the items shuffled among all events: whatever is learnt from it is noise. */
export function shuffled(histories: Histories, seed = 1): Histories {
  const order = new Random(seed).permutation(histories.items.length)
  return { ...histories, items: Uint32Array.from(order, (row) => histories.items[row]) }
}

/** [items, width] unit rows without meaning. */
export function randomText(items: number, width: number, seed = 1): Float32Array {
  const text = new Random(seed).normals(items * width, 1)
  for (let item = 0; item < items; item++) {
    const row = text.subarray(item * width, (item + 1) * width)
    const norm = Math.hypot(...row)
    row.forEach((value, j) => (row[j] = value / norm))
  }
  return text
}
