import { TextMatrix } from '../../src/model/text-matrix.js'
import { describe, expect, it } from 'vitest'
import { chooseBlend } from '../../src/model/blend.js'
import { Counts } from '../../src/model/counts.js'
import { Ensemble, fixedBlend } from '../../src/model/ensemble.js'
import { userCount, type Histories, type Interaction } from '../../src/model/history.js'
import { COMPONENTS, noWeights, topK, type ComponentName } from '../../src/model/ranking.js'
import { blendCases, evaluate, type EvaluationInput, type Method } from '../../src/training/evaluate.js'
import { decide } from '../../src/training/gate.js'
import { defaultsOf, fittingBase } from '../../src/training/judgement.js'
import { judgeList } from '../../src/training/metrics.js'
import { trainingCases } from '../../src/training/network-quality.js'
import type { TrainingInput } from '../../src/training/pipeline.js'
import { splitByTime } from '../../src/training/split.js'
import { HIDES, HOUR, pathShop, randomText, shuffled, VIEWS } from './paths.js'

const ITEMS = 60
const TEXT_LENGTH = 8
const text = TextMatrix.from(randomText(ITEMS, TEXT_LENGTH), TEXT_LENGTH)
const OPTIONS = { types: VIEWS, hides: HIDES }
const STANDARD = fixedBlend({ ...noWeights(), text: 0.7, wide: 0.1, popular: 0.1, recent: 0.1 })
const alone = (name: ComponentName) => fixedBlend({ ...noWeights(), [name]: 1 })

const partsOf = (histories: Histories): EvaluationInput['parts'] => ({
  itemCount: ITEMS,
  text,
  counts: Counts.from(histories, ITEMS, { types: VIEWS, halfLife: 100 * HOUR }),
})
const histories = pathShop(300, ITEMS)
const split = splitByTime(histories, OPTIONS)

describe('the base that fits', () => {
  const input = { base: STANDARD, job: { from: 'base', backend: 'cpu', threads: 1, now: 0 } } as const
  const found = async (given: Pick<TrainingInput, 'base' | 'bases' | 'job'>, cases = split.validation.blending) => {
    const defaults = defaultsOf(given)
    const tables = await blendCases({ parts: partsOf(split.train), cases, defaults: defaults })
    return fittingBase(defaults, tables.none, given)
  }

  it('is the one whose blend ranks best for validation users', async () => {
    const [shops, media] = [alone('narrow'), alone('popular')]
    const fitting = await found({ ...input, bases: { shops, media } })
    expect(fitting).toMatchObject({ name: 'shops', blend: shops })
    expect(fitting.reasons.base).toMatch(/^shops: .* shops \d+\.\d\d, media \d+\.\d\d$/)
    const turned = await found({ ...input, bases: { shops: media, media: shops } })
    expect(turned).toMatchObject({ name: 'media', blend: shops })
  })

  it("is the tenant's where the operator has chosen, or nobody can be asked", async () => {
    const job = { ...input.job, baseModel: 'media' } as const
    expect(await found({ ...input, job })).toEqual({ name: 'media', blend: STANDARD, reasons: {} })
    const bases = { shops: alone('narrow'), media: alone('popular') }
    expect(await found({ ...input, bases }, [])).toMatchObject({ name: 'default', blend: STANDARD })
  })
})

describe('evaluation', () => {
  const methods: Method[] = [
    { name: 'base', blend: STANDARD },
    { name: 'paths', blend: alone('narrow') },
    { name: 'popular', blend: alone('popular') },
  ]

  it('measures exactly what serving would show', async () => {
    const parts = partsOf(split.beforeTest)
    const cases = split.test.slice(0, 50)
    const { methods: results } = await evaluate({ parts, methods, cases })
    const ensemble = new Ensemble({ ...parts, blend: STANDARD })
    cases.forEach((one, i) => {
      const eligible = new Uint8Array(ITEMS).fill(1)
      for (const item of one.hidden) eligible[item] = 0
      const list = topK(ensemble.score(one.history, one.at, eligible), 10, eligible)
      expect(results['base'].judged.ndcg[i]).toBeCloseTo(judgeList(list, new Set(one.targets)).ndcg, 6)
    })
  })

  it('finds the part that knows the paths, and fills every section', async () => {
    const {
      methods: results,
      slices,
      users,
    } = await evaluate({
      parts: partsOf(split.beforeTest),
      methods,
      cases: split.test,
    })
    expect(users).toBe(split.test.length)
    expect(results['paths'].metrics.ndcg.low).toBeGreaterThan(results['popular'].metrics.ndcg.high)
    expect(results['paths'].metrics.hitRate.mean).toBeGreaterThan(0.5)
    expect(results['paths'].lists.coverage).toBeGreaterThan(results['popular'].lists.coverage)
    expect(slices.head.length + slices.tail.length).toBe(split.test.length)
    expect(results['paths'].slices.tail.users).toBe(slices.tail.length)
  })

  it('asks each network for its users in batches and ranks by its vectors', async () => {
    // A network that knows the answer: the vector of the item after the newest one.
    const vectors = new Float32Array(ITEMS * ITEMS)
    for (let item = 0; item < ITEMS; item++) vectors[item * ITEMS + item] = 1
    const encode = (lists: Interaction[][]) => {
      const out = new Float32Array(lists.length * ITEMS)
      lists.forEach((list, i) => (out[i * ITEMS + ((list[list.length - 1].item + 1) % ITEMS)] = 1))
      return out
    }
    const { methods: results } = await evaluate({
      parts: partsOf(split.beforeTest),
      cases: split.test,
      networks: { oracle: { width: ITEMS, vectors, encode } },
      methods: [
        { name: 'with', blend: alone('network'), network: 'oracle' },
        { name: 'without', blend: alone('network') },
      ],
    })
    expect(results['with'].metrics.mrr.mean).toBeGreaterThan(0.55)
    expect(results['without'].metrics.mrr.mean).toBeLessThan(0.2)
  })

  it('ranks only items that are available', async () => {
    const available = new Uint8Array(ITEMS).fill(1, 0, 30)
    const { methods: results } = await evaluate({
      parts: partsOf(split.beforeTest),
      methods,
      cases: split.test,
      available,
    })
    expect(results['paths'].lists.coverage).toBeLessThanOrEqual(0.5)
  })

  it('judges one ranking at 5, 10 and 20, for every slice', async () => {
    const away = split.boundaries.testFrom - 50 * HOUR
    const { methods: results, slices } = await evaluate({
      parts: partsOf(split.beforeTest),
      methods,
      cases: split.test,
      away,
    })
    const { metrics, at, judged, slices: sliced, calibration } = results['paths']
    expect(at[5].hitRate.mean).toBeLessThan(metrics.hitRate.mean)
    expect(metrics.hitRate.mean).toBeLessThan(at[20].hitRate.mean)
    expect(metrics.hitRate.mean).toBeCloseTo(judged.hitRate.reduce((sum, hit) => sum + hit, 0) / split.test.length, 10)
    for (const { low, mean, high } of [at[5].ndcg, metrics.ndcg, at[20].ndcg, sliced.tail.ndcg]) {
      expect(low).toBeLessThan(mean)
      expect(mean).toBeLessThan(high)
    }
    expect(calibration).toBeNull()
    expect(slices.returning.length).toBeGreaterThan(0)
    expect([...slices.returning]).toEqual(
      [...split.test.keys()].filter((i) => split.test[i].history.every((event) => event.at < away)),
    )
  })

  it('measures calibration where items have categories', async () => {
    // Walkers along a path stay in their third of the catalogue; what is popular is all over it.
    const thirds = {
      offsets: Uint32Array.from({ length: ITEMS + 1 }, (_, i) => i),
      values: Uint32Array.from({ length: ITEMS }, (_, i) => Math.floor((3 * i) / ITEMS)),
      count: 3,
    }
    const { methods: results } = await evaluate({
      parts: partsOf(split.beforeTest),
      methods,
      cases: split.test,
      categories: thirds,
    })
    expect(results['paths'].calibration!.high).toBeLessThan(results['popular'].calibration!.low)
    expect(results['paths'].calibration!.users).toBe(split.test.length)
  })

  it('ranks by scores of any other kind, and never what is hidden', async () => {
    const cases = split.test
    const scores = ({ targets, hidden }: (typeof cases)[number]) => {
      const all = new Float32Array(ITEMS)
      for (const item of hidden) all[item] = 2
      for (const item of targets) all[item] = 1
      return all
    }
    const { methods: results } = await evaluate({
      parts: partsOf(split.beforeTest),
      methods: [{ name: 'oracle', scores }],
      cases,
    })
    expect(results['oracle'].metrics.ndcg.mean).toBeCloseTo(1, 6)
  })

  it('reports progress, and stops when told to', async () => {
    const shares: number[] = []
    const input = { parts: partsOf(split.beforeTest), methods, cases: split.test }
    await evaluate({ ...input, onProgress: (share) => shares.push(share) })
    expect(shares.length).toBeGreaterThan(2)
    expect(shares.at(-1)).toBe(1)
    const abort = new AbortController()
    const running = evaluate({ ...input, signal: abort.signal, onProgress: () => abort.abort(new Error('enough')) })
    await expect(running).rejects.toThrow('enough')
  })

  it('has nothing to say without cases', async () => {
    const { methods: results, users } = await evaluate({ parts: partsOf(split.beforeTest), methods, cases: [] })
    expect(users).toBe(0)
    expect(results['base'].metrics.ndcg).toEqual({ mean: 0, low: 0, high: 0 })
  })
})

/**
 * The whole way of a version without a network: weights fitted on validation, judged on the test window by the gate. A
 * candidate's `narrow` counts stand for what a network would have learnt.
 */
async function judgeCandidate(learntFrom: (histories: Histories) => Histories) {
  const before = learntFrom(split.train)
  const found = await blendCases({
    parts: partsOf(before),
    cases: split.validation.blending,
    defaults: { standard: STANDARD },
  })
  const candidates = found.none.standard
  const fitted = chooseBlend(candidates, STANDARD)
  const own = await evaluate({
    parts: partsOf(learntFrom(split.beforeTest)),
    cases: split.test,
    methods: [{ name: 'candidate', blend: fitted.blend }],
  })
  const others = await evaluate({
    parts: partsOf(split.beforeTest),
    cases: split.test,
    methods: [
      { name: 'base', blend: STANDARD },
      { name: 'popular', blend: alone('popular') },
      { name: 'recent', blend: alone('recent') },
    ],
  })
  return decide({
    candidate: own.methods['candidate'].judged,
    champion: null,
    base: others.methods['base'].judged,
    popular: others.methods['popular'].judged,
    recent: others.methods['recent'].judged,
    scratch: null,
    slices: others.slices,
    networkCurve: [],
  })
}

describe('the gate on the real test window', () => {
  it('promotes a candidate that learnt the paths', async () => {
    const decision = await judgeCandidate((from) => from)
    expect(decision.reason).toMatch(/^Promoted/)
    expect(decision.promote).toBe(true)
  })

  it.each([1, 2, 3])('refuses a candidate that learnt from shuffled items (seed %i)', async (seed) => {
    const decision = await judgeCandidate((from) => shuffled(from, seed))
    expect(decision.promote).toBe(false)
    expect(decision.serve).toBe('current')
    expect(decision.reason).toMatch(/^Rejected/)
  })
})

it('asks of training data the last moment of users spread over all, and nothing later', () => {
  const cases = trainingCases(split.train, VIEWS, HIDES, 50)
  expect(cases).toHaveLength(50)
  expect(new Set(cases.map(({ user }) => user)).size).toBe(50)
  expect(Math.max(...cases.map(({ user }) => user))).toBeGreaterThan(250)
  for (const { user, history, hidden, targets, at } of cases) {
    expect(at).toBeLessThan(split.boundaries.validationFrom)
    expect(split.train.times[split.train.offsets[user + 1] - 1]).toBe(at)
    expect(history.every((event) => event.at < at)).toBe(true)
    expect(targets.some((item) => hidden.includes(item))).toBe(false)
    expect(split.train.items[split.train.offsets[user + 1] - 1]).toBe(targets.at(-1))
  }
  expect(trainingCases(split.train, VIEWS, HIDES, 10_000).length).toBeGreaterThan(200)
})

it('collects for the blend what each part ranks high, targets included', async () => {
  const found = await blendCases({
    parts: partsOf(split.train),
    cases: split.validation.blending,
    defaults: { standard: STANDARD },
  })
  const cases = found.none.standard
  expect(cases).toHaveLength(split.validation.blending.length)
  expect(userCount(split.train)).toBe(300)
  for (const one of cases) {
    expect(one.scores.length % COMPONENTS.length).toBe(0)
    expect(one.targetCount).toBeGreaterThan(0)
    expect(one.prior.text).toBeCloseTo(0.7, 6)
  }
})
