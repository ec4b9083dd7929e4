import { beforeAll, describe, expect, it } from 'vitest'
import { fixedBlend } from '../../src/model/ensemble.js'
import { type Histories, groupByUser } from '../../src/model/history.js'
import { noWeights } from '../../src/model/ranking.js'
import { encodeVersion, type VersionFile } from '../../src/model/version-file.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import type { Dataset } from '../../src/training/dataset.js'
import { trainVersion } from '../../src/training/pipeline.js'
import { chooseRecipe } from '../../src/training/recipe.js'
import { splitByTime, type SplitOptions } from '../../src/training/split.js'
import { groupDataset, groupShop, PLANTED } from './groups.js'
import { HIDES, VIEWS } from './paths.js'

const histories = groupShop(400)
const { boundaries } = splitByTime(histories, { types: VIEWS, hides: HIDES })

/** The events of a window are all of the planted item. */
const shop = (planted: { from: number; until: number } | null): Dataset =>
  groupDataset(histories, (item, at) => (planted !== null && at >= planted.from && at < planted.until ? PLANTED : item))

const IN_TEST = { from: boundaries.testFrom, until: Infinity }
const IN_VALIDATION = { from: boundaries.validationFrom, until: boundaries.testFrom }

async function learn(
  dataset: Dataset,
  splitBy?: (histories: Histories, options: SplitOptions) => ReturnType<typeof splitByTime>,
  champion: VersionFile | null = null,
) {
  const { version, result } = await trainVersion({
    dataset,
    champion,
    prior: { mean: new Float32Array(), covariance: new Float32Array(), weight: 0 },
    base: fixedBlend({ ...noWeights(), text: 0.5, narrow: 0.3, recent: 0.2 }),
    job: { from: champion ? 'active' : 'base', backend: 'wasm', threads: 1, now: boundaries.to },
    engine: 'wasm',
    seed: 1,
    splitBy,
    // One network, so that the version holds the candidate whatever the gate says of it, and for a few steps only.
    recipeBy: (shape, seed) => {
      const recipe = chooseRecipe(shape, seed)
      return { ...recipe, options: { ...recipe.options, epochs: 6 }, twin: null }
    },
    say: () => undefined,
  })
  return { version, report: result.report }
}

/** Training losses say what the network learned from, before validation had a word. */
const losses = ({ report }: Awaited<ReturnType<typeof learn>>) =>
  (report.curves as { candidate: { epochs: { trainLoss: number | null }[] } }).candidate.epochs.map((e) => e.trainLoss)

/** Learns from a window that it must not know. */
const leaky = (histories: Histories, options: SplitOptions) => ({
  ...splitByTime(histories, options),
  train: histories,
  beforeTest: histories,
})

type Metrics = Record<string, { hitRate: { mean: number } }>

interface Epoch {
  gap: number | null
  trainLoss: number | null
  validationLoss: number
  trainNdcg: number
  validationNdcg: number
  ndcgGap: number
}

describe('what lies in the future', () => {
  let plain: Awaited<ReturnType<typeof learn>>
  beforeAll(async () => {
    await startTensorflow('wasm')
    plain = await learn(shop(null))
  })

  it('is planted without moving the windows', () => {
    for (const planted of [IN_TEST, IN_VALIDATION]) {
      const { events, userCount: users } = shop(planted)
      const split = splitByTime(groupByUser(events, users), { types: VIEWS, hides: HIDES })
      expect(split.boundaries).toEqual(boundaries)
      expect(events.items.filter((item) => item === PLANTED).length).toBeGreaterThan(100)
    }
  })

  it('teaches a version nothing: it is the same, byte for byte, whatever happens in the test window', async () => {
    const planted = await learn(shop(IN_TEST))
    // Text space, network, blend, half-life and all.
    expect(planted.version.network).not.toBeNull()
    expect(Buffer.compare(encodeVersion(planted.version), encodeVersion(plain.version))).toBe(0)
    expect(planted.report.curves).toMatchObject({
      candidate: { bestEpoch: expect.toSatisfy((n: number) => n > 0) as number },
    })
    expect(losses(planted)).toEqual(losses(plain))
    expect((plain.report.metrics as Metrics).candidate.hitRate.mean).toBeGreaterThan(0.3)
  })

  it('teaches nothing to a version that goes on from another, either', async () => {
    const champion = plain.version
    const options = { types: VIEWS, hides: HIDES, unseenFrom: champion.trainedUntil }
    const { testFrom } = splitByTime(histories, options).boundaries
    expect(testFrom).toBeGreaterThan(boundaries.testFrom)
    const [gone, planted] = [shop(null), shop({ from: testFrom, until: Infinity })]
    const [one, other] = [await learn(gone, undefined, champion), await learn(planted, undefined, champion)]
    expect(one.report.recipe).toMatchObject({ startedFrom: 'active' })
    expect(losses(other)).toEqual(losses(one))
    expect(Buffer.compare(encodeVersion(other.version), encodeVersion(one.version))).toBe(0)
  })

  it('is not in the counts that a version is judged by but as a service meets it, event by event', async () => {
    const still = await learn(shop(IN_TEST), (of, options) => ({ ...splitByTime(of, options), all: null }))
    // Every user takes it, and no count knows it: it stays behind all that anybody had before.
    const metrics = still.report.metrics as Metrics
    for (const name of ['popular', 'recent', 'wide', 'narrow']) expect(metrics[name].hitRate.mean, name).toBe(0)
  })

  it('teaches nothing that comes before: text space, half-life and losses do not know of the validation window', async () => {
    const planted = await learn(shop(IN_VALIDATION))
    expect(planted.version.textSpace).toEqual(plain.version.textSpace)
    expect(planted.version.counts.halfLife).toBe(plain.version.counts.halfLife)
    expect(losses(planted)).toEqual(losses(plain))
    // Its users may weigh the parts, and how pairs are divided: that is what they are asked for.
    expect(planted.report.blend).not.toEqual(plain.report.blend)
  })

  it('would be found here, were training to see it', async () => {
    const [seen, planted] = [await learn(shop(null), leaky), await learn(shop(IN_TEST), leaky)]
    expect(Buffer.compare(encodeVersion(planted.version), encodeVersion(seen.version))).not.toBe(0)
    expect(losses(planted)).not.toEqual(losses(seen))
    const metrics = planted.report.metrics as Record<string, { hitRate: { mean: number } }>
    expect(metrics.popular.hitRate.mean).toBeGreaterThan(0.9)
  })

  it('leaves a report with every figure: at each length, by slice, by epoch, learned against later', () => {
    const { overfitting, forgetting, curves, metrics, calibration } = plain.report as unknown as {
      overfitting: {
        bestEpoch: number
        ndcg: { training: number; validation: number; test: number; gap: number }
        ndcgGapAtBest: number
        ndcgGapAtLast: number
      }
      forgetting: { against: string; slices: Record<string, { users: number }> }
      curves: { candidate: { epochs: Epoch[] } }
      metrics: Record<
        string,
        { ndcg: object; at: Record<number, Record<string, object>>; slices: Record<string, object> }
      >
      calibration: string
    }
    const { training, validation, test, gap } = overfitting.ndcg
    expect(validation).toBeGreaterThan(0)
    expect(test).toBeGreaterThan(0)
    expect(training).toBeGreaterThan(0)
    expect(gap).toBeCloseTo(training - test, 10)
    expect(curves.candidate.epochs[0].gap).toBeNull()
    for (const { gap: apart, trainLoss, validationLoss } of curves.candidate.epochs.slice(1))
      expect(apart).toBeCloseTo(validationLoss - trainLoss!, 10)
    const ndcgGaps = curves.candidate.epochs.map(({ trainNdcg, validationNdcg, ndcgGap }) => {
      expect(trainNdcg).toBeGreaterThanOrEqual(0)
      expect(ndcgGap).toBeCloseTo(trainNdcg - validationNdcg, 10)
      return ndcgGap
    })
    expect(overfitting.ndcgGapAtBest).toBe(ndcgGaps[overfitting.bestEpoch])
    expect(overfitting.ndcgGapAtLast).toBe(ndcgGaps.at(-1))
    expect(forgetting.against).toBe('base')
    expect(forgetting.slices['tail'].users).toBeGreaterThan(0)
    expect(Object.keys(forgetting.slices)).toContain('returning')
    for (const [name, { ndcg, at, slices }] of Object.entries(metrics))
      for (const interval of [
        ndcg,
        ...Object.values(at).flatMap((figures) => Object.values(figures)),
        ...Object.values(slices),
      ])
        expect(JSON.stringify(interval), name).toMatch(/"mean":[\d.e-]+,"low":[\d.e-]+,"high":[\d.e-]+/)
    expect(calibration).toMatch(/^not told/)
  })
})
