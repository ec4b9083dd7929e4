import { beforeAll, describe, expect, it } from 'vitest'
import { fixedBlend } from '../../src/model/ensemble.js'
import { noWeights } from '../../src/model/ranking.js'
import type { VersionFile } from '../../src/model/version-file.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import type { Check } from '../../src/training/check.js'
import { trainVersion } from '../../src/training/pipeline.js'
import { chooseRecipe } from '../../src/training/recipe.js'
import type { Result } from '../../src/training/training-job.js'
import { groupDataset, groupShop } from './groups.js'

interface Mean {
  mean: number
}
interface Report {
  gate: { serve: string; checks: Check[] }
  recipe: { served: string }
  metrics: Record<string, { ndcg: Mean; slices: Record<string, { users: number; ndcg: Mean }> }>
  curves: Record<string, { bestEpoch: number; epochs: object[] }>
  overfitting: { bestEpoch: number; epochs: number; detail: string; ndcg: { training: number; test: number } }
  forgetting: { slices: Record<string, { users: number; own: number }> }
}

/** Its candidate learns nothing, so that the twin, which may, is served in its place. */
describe('a version whose twin is served', () => {
  let version: VersionFile
  let result: Result
  let report: Report
  beforeAll(async () => {
    await startTensorflow('wasm')
    const made = await trainVersion({
      dataset: groupDataset(groupShop(400)),
      champion: null,
      prior: { mean: new Float32Array(), covariance: new Float32Array(), weight: 0 },
      base: fixedBlend({ ...noWeights(), text: 0.5, recent: 0.5 }),
      // Without the other parts that learn what comes next.
      job: { from: 'base', backend: 'wasm', threads: 1, now: 0, without: ['wide', 'narrow'] },
      engine: 'wasm',
      seed: 1,
      recipeBy: (shape, seed) => {
        const recipe = chooseRecipe(shape, seed)
        const twin = { ...recipe.twin!, epochs: 20, rate: 1e-2 }
        return { ...recipe, options: { ...recipe.options, epochs: 0 }, search: false, twin }
      },
      say: () => undefined,
    })
    ;({ version, result } = made)
    report = result.report as unknown as Report
  })

  it('holds the twin, and says what became of the candidate', () => {
    expect(report.gate.serve).toBe('scratch')
    expect(result).toMatchObject({ decision: 'passed', lineage: 'scratch' })
    expect(report.recipe.served).toBe('from-scratch')
    expect(version.network).not.toBeNull()
    expect(result.reason).toMatch(/^WARNING: fine-tuning did harm: .*; the twin passes the gate and is served/)
  })

  it('has the checks of the twin', () => {
    const own = report.metrics['from-scratch']
    expect(own.ndcg.mean).toBeGreaterThan(report.metrics.candidate.ndcg.mean)
    const figure = (name: string) => report.gate.checks.find((check) => check.name === name)?.figures.own
    for (const name of ['beats what is served', 'beats popularity', 'network adds', 'beats the candidate'])
      expect(figure(name), name).toBeCloseTo(own.ndcg.mean, 6)
    expect(report.gate.checks.filter(({ passed, required }) => required && !passed)).toEqual([])
  })

  it('tells of the twin what it forgot, and how it learned', () => {
    const { slices } = report.metrics['from-scratch']
    const kept = Object.entries(report.forgetting.slices).filter(([, { users }]) => users > 0)
    expect(kept.length).toBeGreaterThan(1)
    for (const [slice, { own }] of kept) expect(own, slice).toBeCloseTo(slices[slice].ndcg.mean, 6)
    const { bestEpoch, epochs } = report.curves['from-scratch']
    expect(report.overfitting).toMatchObject({ bestEpoch, epochs: epochs.length - 1 })
    expect(report.overfitting.bestEpoch).toBeGreaterThan(0)
    expect(report.overfitting.detail).toContain(`epoch ${bestEpoch} was kept`)
    // By itself the network that learned nothing knows nothing of who comes next.
    expect(report.overfitting.ndcg.test).toBeGreaterThan(2 * report.metrics.network.ndcg.mean)
  })
})
