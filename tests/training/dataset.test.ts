import { describe, expect, it } from 'vitest'
import { DatasetBuilder, decodeDataset, encodeDataset } from '../../src/training/dataset.js'

const eventTypes = [
  { name: '*', weight: 0.5, meaning: 'positive' as const },
  { name: 'view', weight: 0.3, meaning: 'positive' as const },
]
const event = (userId: string, itemId: string, type: string, at: number) => ({
  userId,
  itemId,
  type,
  occurredAt: new Date(at),
})

describe('dataset', () => {
  const build = () => {
    const builder = new DatasetBuilder(2, eventTypes, ['view'])
    builder.addItems([
      { itemId: 'a', vector: Float32Array.of(1, 2) },
      { itemId: 'ünï ☃', vector: null },
      { itemId: 'long', vector: Float32Array.of(1, 2, 3) },
    ])
    // The same item again, as a second read of the catalogue may give it.
    builder.addItems([{ itemId: 'a', vector: Float32Array.of(9, 9) }])
    builder.addEvents([event('u', 'a', 'view', 10), event('v', 'gone', 'view', 11), event('v', 'long', 'rated', 12)])
    builder.addEvents([event('u', 'ünï ☃', 'view', 12)])
    return builder.finish()
  }

  it('turns ids into places, drops events of unknown items and counts them', () => {
    const dataset = build()
    expect(dataset.itemIds).toEqual(['a', 'ünï ☃', 'long'])
    expect([...dataset.vectors]).toEqual([1, 2, 0, 0, 0, 0])
    expect(dataset).toMatchObject({ read: 4, unknownItem: 1, userCount: 2 })
    expect([...dataset.events.users]).toEqual([0, 1, 0])
    expect([...dataset.events.items]).toEqual([0, 2, 1])
    // A type that no setting names is the unnamed one.
    expect([...dataset.events.types]).toEqual([1, 0, 1])
    expect([...dataset.events.times]).toEqual([10, 12, 12])
  })

  it('travels as a file and comes back the same', () => {
    const dataset = build()
    const { users, items, types, times } = dataset.events
    const events = { users: users.slice(), items: items.slice(), types: types.slice(), times: times.slice() }
    expect(decodeDataset(encodeDataset(dataset))).toEqual({ ...dataset, vectors: dataset.vectors.slice(), events })
  })

  it('grows with what comes', () => {
    const builder = new DatasetBuilder(1, eventTypes, [])
    builder.addItems(Array.from({ length: 5000 }, (_, i) => ({ itemId: `i${i}`, vector: Float32Array.of(i) })))
    builder.addEvents(Array.from({ length: 5000 }, (_, i) => event(`u${i % 7}`, `i${i}`, 'view', i)))
    const dataset = builder.finish()
    expect(dataset.vectors).toHaveLength(5000)
    expect(dataset.vectors[4999]).toBe(4999)
    expect(dataset.events.items[4999]).toBe(4999)
    expect(dataset.userCount).toBe(7)
  })
})
