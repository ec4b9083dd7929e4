import { describe, expect, it } from 'vitest'
import { fixedBlend } from '../../src/model/ensemble.js'
import { noWeights } from '../../src/model/ranking.js'
import { encodeTensors } from '../../src/model/tensor-file.js'
import { decodeVersion, encodeVersion, type VersionFile } from '../../src/model/version-file.js'
import { DEFAULT_CONFIG, startFromScratch } from '../../src/model/weights.js'

const types = [
  { name: '*', weight: 0.5, meaning: 'positive' as const },
  { name: 'view', weight: 0.3, meaning: 'positive' as const },
]
const config = { ...DEFAULT_CONFIG, width: 8, textLength: 4, typeWeights: [0.5, 0.3] }
const version: VersionFile = {
  itemIds: ['a', 'Ünï/cöde ☃', '__proto__'],
  eventTypes: types,
  textSpace: {
    length: 4,
    mean: Float32Array.of(1, 2, 3, 4),
    transform: Float32Array.from({ length: 16 }, (_, i) => i),
  },
  network: { config, arrays: startFromScratch(config, 3, 1) },
  blend: fixedBlend({ ...noWeights(), text: 1, network: 0.25 }),
  counts: { types, halfLife: 86_400_000 },
  trainedUntil: 1_700_000_000_000,
}

describe('version file', () => {
  it('comes back as it was written, to the same bytes', () => {
    const bytes = encodeVersion(version)
    const read = decodeVersion(bytes)
    expect(read).toEqual(version)
    expect(Buffer.compare(encodeVersion(read), bytes)).toBe(0)
  })

  it('has no weight for a part that came after it was written', () => {
    const { lexical, fresh, ...known } = noWeights()
    const older = { ...version, blend: fixedBlend({ ...known, text: 1 } as typeof version.blend.sparse) }
    const { blend } = decodeVersion(encodeVersion(older))
    expect(blend).toEqual(fixedBlend({ ...noWeights(), text: 1 }))
    expect([blend.sparse.lexical, blend.dense.fresh]).toEqual([lexical, fresh])
  })

  it('may have no network', () => {
    expect(decodeVersion(encodeVersion({ ...version, network: null })).network).toBeNull()
  })

  it('refuses another format', () => {
    expect(() => decodeVersion(encodeTensors({}, { format: 'attune-version-99' }))).toThrow(/attune-version-99/)
    expect(() => decodeVersion(encodeVersion(version).subarray(0, 100))).toThrow(/Not a usable tensor file/)
  })
})
