import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Blend } from '../../src/model/ensemble.js'
import { COMPONENTS } from '../../src/model/ranking.js'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../models/base/${name}.json`, import.meta.url), 'utf8')) as Blend
const blend = read('shops')

it.each(['shops', 'media'])(
  'ships a default blend of %s that has a weight for every component, none negative',
  (name) => {
    const blend = read(name)
    for (const weights of [blend.sparse, blend.dense]) {
      expect(Object.keys(weights).sort()).toEqual([...COMPONENTS].sort())
      for (const weight of Object.values(weights)) expect(weight).toBeGreaterThanOrEqual(0)
      // There is no network before a tenant's first training.
      expect(weights.network).toBe(0)
    }
    expect(blend.halfway).toBeGreaterThan(0)
  },
)

it('lets the text carry where little is known, and co-occurrence where much is', () => {
  const texts = blend.sparse.text + blend.sparse.lexical
  const others = Object.entries(blend.sparse).filter(([name]) => name !== 'text' && name !== 'lexical')
  for (const [, weight] of others) expect(weight).toBeLessThan(texts / 3)
  expect(blend.dense.wide).toBeGreaterThan(blend.dense.text)
  expect(blend.dense.wide).toBeGreaterThan(blend.sparse.wide)
})

it('trusts the age of items in media more than in shops', () => {
  const media = read('media')
  for (const part of ['sparse', 'dense'] as const) {
    expect(media[part].fresh + media[part].recent).toBeGreaterThan(blend[part].fresh + blend[part].recent)
    expect(media[part].popular).toBeLessThan(blend[part].popular)
  }
})
