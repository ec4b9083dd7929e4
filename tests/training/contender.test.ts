import { describe, expect, it } from 'vitest'
import { DEFAULT_HALF_LIFE } from '../../src/model/half-life.js'
import { fixedBlend } from '../../src/model/ensemble.js'
import { noWeights } from '../../src/model/ranking.js'
import type { VersionFile } from '../../src/model/version-file.js'
import { rowsOf } from '../../src/model/text-matrix.js'
import { DEFAULT_CONFIG, startFromScratch } from '../../src/model/weights.js'
import { servedVersion } from '../../src/training/contender.js'
import type { Dataset } from '../../src/training/dataset.js'

const type = (name: string, weight: number) => ({ name, weight, meaning: 'positive' as const })
const textLength = 4
const config = { ...DEFAULT_CONFIG, width: 4, heads: 2, textLength, typeWeights: [0.5, 0.3, 1] }
const arrays = startFromScratch(config, 2, 1)
arrays.residual.data = Float32Array.from({ length: 8 }, (_, i) => i + 1)
const eventTypes = [type('*', 0.5), type('view', 0.3), type('buy', 1)]
const identity = Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0))
const version: VersionFile = {
  itemIds: ['a', 'b'],
  eventTypes,
  textSpace: { length: textLength, mean: new Float32Array(4), transform: identity },
  network: { config, arrays },
  blend: fixedBlend({ ...noWeights(), network: 1 }),
  counts: { types: [type('*', 0.4), type('view', 0.1), type('buy', 1.2)], halfLife: DEFAULT_HALF_LIFE },
  trainedUntil: 0,
}
const dataset: Dataset = {
  itemIds: ['new', 'b', 'a'],
  vectors: rowsOf(Float32Array.of(2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0), textLength),
  userCount: 0,
  events: { users: new Uint32Array(), items: new Uint32Array(), types: new Uint8Array(), times: new Float64Array() },
  eventTypes: [type('*', 0.7), type('buy', 0.9), type('share', 0.8)],
  hiddenAfter: [],
  read: 0,
  unknownItem: 0,
  tooOld: 0,
}

describe('the served version in today’s index space', () => {
  it('moves what it knows of items, and knows nothing of new ones', () => {
    const served = servedVersion(version, dataset)
    expect([...(served?.network?.weights.residual.data ?? [])]).toEqual([0, 0, 0, 0, 5, 6, 7, 8, 1, 2, 3, 4])
    expect([...(served?.text.block(0, 3) ?? [])]).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0])
  })

  it('counts and reads event types as it does when it serves: its own weights, a new type as the unnamed one', () => {
    const served = servedVersion(version, dataset)
    expect(served?.counts.types.map(({ weight }) => weight)).toEqual([0.4, 1.2, 0.4])
    expect(served?.network?.config.typeWeights).toEqual([0.5, 1, 0.5])
    const types = arrays.types.data
    const row = (index: number) => [...types.subarray(index * 4, index * 4 + 4)]
    expect([...(served?.network?.weights.types.data ?? [])]).toEqual([...row(0), ...row(2), ...row(0)])
  })

  it('can’t be served for vectors of another length', () => {
    expect(servedVersion(version, { ...dataset, vectors: rowsOf(new Float32Array(6), 2) })).toBeNull()
  })
})
