import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { Counts } from '../../src/model/counts.js'
import { packagePath } from '../../src/platform/paths.js'
import { prepare, type Preparation, RawVectors } from '../../src/serving/preparation.js'

test('raw vectors come in any order, are read across pages, and one of another length is none', () => {
  const raw = new RawVectors(2)
  const last = 2 * RawVectors.PAGE + 1
  raw.set(last, Float32Array.of(5, 6))
  raw.set(RawVectors.PAGE, Float32Array.of(3, 4))
  raw.set(RawVectors.PAGE - 1, Float32Array.of(1, 2))
  raw.set(0, Float32Array.of(7, 8))
  raw.set(0, Float32Array.of(1, 2, 3))
  expect(raw.items).toBe(last + 1)
  expect([...raw.block(RawVectors.PAGE - 2, RawVectors.PAGE + 2)]).toEqual([0, 0, 1, 2, 3, 4, 0, 0])
  expect([...raw.block(0, 1), ...raw.block(last, last + 1)]).toEqual([0, 0, 5, 6])
  // In another thread: the pages travel, and items that never had a vector may be past them.
  const moved = new RawVectors(2, 4 * RawVectors.PAGE, structuredClone(raw.pages))
  expect([...moved.block(last, last + 2)]).toEqual([5, 6, 0, 0])
  expect(moved.block(0, moved.items)).toHaveLength(2 * moved.items)
})

test('events count by what the version has learned that their types say; without a version as they are set', () => {
  const typesOf = (view: number, buy: number) => [
    { name: 'view', weight: view, meaning: 'positive' as const },
    { name: 'buy', weight: buy, meaning: 'positive' as const },
  ]
  const input = {
    itemCount: 2,
    length: 2,
    vectors: [],
    space: null,
    prior: null,
    tokens: null,
    events: {
      users: Uint32Array.of(0, 0),
      items: Uint32Array.of(0, 1),
      types: Uint8Array.of(0, 1),
      times: Float64Array.of(0, 1),
    },
    userCount: 1,
    types: typesOf(0.5, 1),
  }
  const popular = (counts: Parameters<typeof prepare>[0]['counts']) => {
    const prepared = prepare({ ...input, counts })
    return [...Counts.fromArrays(prepared.counts, prepared.countSettings).popular(new Float32Array(2))]
  }
  expect(popular(null)).toEqual([0.5, 1])
  expect(popular({ types: typesOf(0.25, 1), halfLife: 1000 })).toEqual([0.25, 1])
})

test('one thread prepares many small models at once, and goes on after one that cannot be', async () => {
  // Only what is compiled has threads.
  const built = pathToFileURL(packagePath('dist', 'src', 'serving', 'preparation-thread.js')).href
  const { prepareAside } = (await import(built)) as typeof import('../../src/serving/preparation-thread.js')
  const inputOf = (seed: number): Preparation => ({
    itemCount: 2,
    length: 2,
    vectors: [Float32Array.of(seed, 1, 2, -1)],
    space: { length: 2, mean: Float32Array.of(0, 0), transform: Float32Array.of(1, 0, 0, 1) },
    prior: null,
    tokens: null,
    events: {
      users: Uint32Array.of(0, 0),
      items: Uint32Array.of(0, 1),
      types: Uint8Array.of(0, 0),
      times: Float64Array.of(0, seed),
    },
    userCount: 1,
    types: [{ name: 'view', weight: seed, meaning: 'positive' }],
    counts: null,
  })
  const broken = { ...inputOf(1), itemCount: -1 }
  const asked = [1, 2, 3, 4].map((seed) => prepareAside(inputOf(seed)))
  await expect(prepareAside(broken)).rejects.toThrow()
  const prepared = await Promise.all(asked)
  prepared.forEach(({ counts, countSettings, text }, i) => {
    const here = prepare(inputOf(i + 1))
    expect(countSettings).toEqual(here.countSettings)
    expect([counts, text]).toEqual([here.counts, here.text])
  })
  expect((await prepareAside(inputOf(5))).countSettings).toEqual(prepare(inputOf(5)).countSettings)
})
