import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { itemTokens } from '../../src/model/item-facts.js'
import { tokensOf } from '../../src/model/item-tokens.js'
import { DatasetWriter, readDataset } from '../../src/training/dataset.js'

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

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'attune-test-'))))
afterEach(() => rmSync(folder, { recursive: true }))

describe('a dataset that was written page by page', () => {
  it('turns ids into places, drops events of unknown items and counts them', async () => {
    const writer = await DatasetWriter.open(join(folder, 'new'), 2, eventTypes, ['view'])
    const facts = { categories: ['tools', 'red', 'tools'], title: 'Hammer', price: 9.5, attributes: { grams: 500 } }
    await writer.addItems([
      { itemId: 'a', vector: Float32Array.of(1, 2), ...facts },
      { itemId: 'ünï\n☃', vector: null, publishedAt: new Date(5) },
      { itemId: 'long', vector: Float32Array.of(1, 2, 3), categories: ['red'] },
    ])
    // The same item again, as a second read of the catalogue may give it.
    await writer.addItems([{ itemId: 'a', vector: Float32Array.of(9, 9) }])
    await writer.addEvents([
      event('u', 'a', 'view', 10),
      event('v', 'gone', 'view', 11),
      event('v', 'long', 'rated', 12),
    ])
    await writer.addEvents([event('u', 'ünï\n☃', 'view', 12)])
    await writer.finish(7)

    const { vectors, tokens, ...dataset } = readDataset(join(folder, 'new'))
    expect([0, 1, 2].map((item) => tokens?.row(item))).toEqual([itemTokens(facts), tokensOf(''), tokensOf('red')])
    expect(vectors).toMatchObject({ items: 3, length: 2 })
    expect([...vectors.block(0, 3)]).toEqual([1, 2, 0, 0, 0, 0])
    expect(dataset).toEqual({
      itemIds: ['a', 'ünï\n☃', 'long'],
      categories: { offsets: Uint32Array.of(0, 2, 2, 3), values: Uint32Array.of(0, 1, 1), count: 2 },
      published: Float64Array.of(NaN, 5, NaN),
      userCount: 2,
      events: {
        users: Uint32Array.of(0, 1, 0),
        items: Uint32Array.of(0, 2, 1),
        // A type that no setting names is the unnamed one.
        types: Uint8Array.of(1, 0, 1),
        times: Float64Array.of(10, 12, 12),
      },
      eventTypes,
      hiddenAfter: ['view'],
      read: 4,
      unknownItem: 1,
      tooOld: 7,
    })
  })

  it('reads values, and lets low and high events hide as their type does', async () => {
    const types = [
      ...eventTypes,
      { name: 'rating', weight: 1, meaning: 'positive' as const, value: { lowBelow: 3, highFrom: 5 } },
      { name: 'rating:high', weight: 2, meaning: 'positive' as const },
      { name: 'rating:low', weight: 0, meaning: 'negative' as const },
    ]
    const writer = await DatasetWriter.open(folder, 1, types, ['rating'])
    await writer.addItems([{ itemId: 'a', vector: null }])
    const rated = (value: number | null) => ({ ...event('u', 'a', 'rating', 1), value })
    await writer.addEvents([rated(1), rated(3), rated(5), rated(null), { ...event('u', 'a', 'view', 1), value: 1 }])
    await writer.finish()
    const { events, hiddenAfter } = readDataset(folder)
    expect([...events.types]).toEqual([4, 2, 3, 2, 1])
    expect(hiddenAfter).toEqual(['rating', 'rating:high', 'rating:low'])
  })

  it('may be of many pages, and its vectors are read from anywhere', async () => {
    const writer = await DatasetWriter.open(folder, 3, eventTypes, [])
    const pages = Array.from({ length: 10 }, (_, page) => Array.from({ length: 500 }, (_, i) => 500 * page + i))
    for (const page of pages)
      await writer.addItems(page.map((i) => ({ itemId: `i${i}`, vector: Float32Array.of(i, i + 0.5, 0) })))
    for (const page of pages) await writer.addEvents(page.map((i) => event(`u${i % 7}`, `i${4999 - i}`, 'view', i)))
    expect(await writer.finish()).toBe(5000 * '"i0000"\n'.length - 10 * 3 - 90 * 2 - 900)
    const { vectors, events, itemIds, userCount } = readDataset(folder)
    expect([...vectors.block(4998, 5000)]).toEqual([4998, 4998.5, 0, 4999, 4999.5, 0])
    expect(itemIds[4999]).toBe('i4999')
    expect([...events.items]).toEqual(pages.flat().reverse())
    expect(events.users[4999]).toBe(4999 % 7)
    expect(userCount).toBe(7)
  })

  it('is refused where a file of it is cut short', async () => {
    const writer = await DatasetWriter.open(folder, 3, eventTypes, [])
    await writer.addItems([{ itemId: 'a', vector: Float32Array.of(1, 2, 3) }])
    await writer.finish()
    expect(() => readDataset(folder).vectors.block(0, 2)).toThrow('cut short')
  })
})
