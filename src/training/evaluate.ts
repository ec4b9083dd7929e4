import { setImmediate } from 'node:timers/promises'
import { blendCase, type BlendCase } from '../model/blend.js'
import { type Blend, Ensemble, type EnsembleParts, type NetworkVectors } from '../model/ensemble.js'
import type { Interaction } from '../model/history.js'
import {
  combine,
  COMPONENTS,
  type Eligible,
  noWeights,
  standardise,
  type StandardScores,
  topK,
  type Weights,
} from '../model/ranking.js'
import {
  bootstrapInterval,
  bootstrapIntervals,
  type Categories,
  categoryShares,
  CUTOFF,
  CUTOFFS,
  headItems,
  type Interval,
  judge,
  type Judged,
  type ListQuality,
  listQuality,
  LONGEST,
  METRICS,
  miscalibration,
  type Slice,
  SLICES,
  slicesOf,
} from './metrics.js'
import { FollowedCounts, type Following } from './following.js'
import type { Case } from './split.js'

export interface EvaluatedNetwork extends NetworkVectors {
  /** One vector per history, as of the moment at which each is asked about, [histories, width]. */
  encode: (histories: Interaction[][], asked: number[]) => Float32Array
}

export type Method = BlendMethod | ScoredMethod

/** A method of another kind than the parts that are served. */
export interface ScoredMethod {
  name: string
  /** [items], higher is better; may be overwritten by the next call. What is hidden or unavailable is left out afterwards. */
  scores: (one: Case) => Float32Array
}

export interface BlendMethod {
  name: string
  blend: Blend
  /** Which of the networks gives its `network` component; without one it has none. */
  network?: string
}

/** What all methods of one window share: the counts must hold nothing from the window on. */
export interface EvaluationInput {
  parts: Omit<EnsembleParts, 'network' | 'blend'>
  /** What the counts go on with from case to case; they are changed by it. Null or absent: they stay as they are. */
  following?: Following | null
  networks?: Record<string, EvaluatedNetwork>
  cases: Case[]
  /** [items], 1 where an item may be recommended; all when absent */
  available?: Uint8Array
  /** Without them no calibration. */
  categories?: Categories
  /** Who did nothing since this moment is returning, see `awaySince`. */
  away?: number
  /** Called with the share of the cases done, 0 to 1. */
  onProgress?: (share: number) => void
  signal?: AbortSignal
}

export type Metrics = Record<(typeof METRICS)[number], Interval>

export interface MethodResult {
  /** The first ten of each list, by case, in their order. */
  judged: Judged
  /** At 10. */
  metrics: Metrics
  /** The same at other lengths of list. */
  at: Record<Exclude<(typeof CUTOFFS)[number], typeof CUTOFF>, Metrics>
  /** Of the first ten. */
  lists: ListQuality
  /** See `miscalibration`, over the users whose history has categories; null where nobody's has. */
  calibration: (Interval & { users: number }) | null
  slices: Record<Slice, { users: number; ndcg: Interval }>
}

export interface Evaluation {
  users: number
  methods: Record<string, MethodResult>
  /** The cases of each slice, by their place. */
  slices: Record<Slice, Uint32Array>
}

// A network encodes many histories at once far faster than one by one; between batches others get their turn.
const BATCH = 32
const EVERYTHING = { ...(Object.fromEntries(COMPONENTS.map((name) => [name, 1])) as Weights), network: 0 }

/**
 * Ranks the whole catalogue for every case by every method, once, and judges the first 5, 10 and 20. Each component is
 * computed once a case, by the code that serves, whichever methods use it.
 * @throws the signal's reason when it is aborted
 */
export async function evaluate(input: EvaluationInput & { methods: Method[] }): Promise<Evaluation> {
  const { parts, cases, methods } = input
  const { itemCount, counts } = parts
  const weigher = new Ensemble({ ...parts, blend: NO_BLEND })
  const lists = new Map<string, number[][]>(methods.map(({ name }) => [name, []]))
  // Of the window's beginning: what is cold or in the head is so by what was learned from.
  const popularity = Float32Array.from({ length: itemCount }, (_, item) => counts.seen(item))
  await forEachCase(input, (one, index, shared, networks, eligible) => {
    for (const method of methods) lists.get(method.name)![index] = topK(scoresBy(method), LONGEST, eligible)

    function scoresBy(method: Method): Float32Array {
      if ('scores' in method) return method.scores(one)
      const { blend, network } = method
      const scores = { ...shared, network: network === undefined ? undefined : networks[network] }
      return combine(scores, weigher.weights(one.history, blend), itemCount, eligible)
    }
  })

  const users = new Set(cases.map(({ user }) => user)).size
  const slices = sliceCases(input, popularity)
  return { users, methods: summarise(input, lists, popularity, slices), slices }
}

/** What came of each method's lists. All figures of the same users share their resamples. */
function summarise(
  { parts, cases, categories }: EvaluationInput,
  lists: Map<string, number[][]>,
  popularity: Float32Array,
  slices: Evaluation['slices'],
): Evaluation['methods'] {
  const targets = cases.map((one) => new Set(one.targets))
  const names = [...lists.keys()]
  const judged = names.map((name) => CUTOFFS.map((cutoff) => judge(lists.get(name)!, targets, cutoff)))
  const atTen = judged.map((of) => of[CUTOFFS.indexOf(CUTOFF)])
  const intervals = bootstrapIntervals(judged.flat().flatMap((one) => METRICS.map((metric) => one[metric])))
  const sliced = SLICES.map((slice) =>
    bootstrapIntervals(atTen.map(({ ndcg }) => Float32Array.from(slices[slice], (at) => ndcg[at]))),
  )
  const histories = cases.map(
    ({ history }) => categories && categoryShares(parts.counts.stepsOf(history, Infinity), categories),
  )
  const results = names.map((name, n): [string, MethodResult] => {
    const firstTen = lists.get(name)!.map((list) => list.slice(0, CUTOFF))
    const metrics = CUTOFFS.map((_, c) => {
      const first = (n * CUTOFFS.length + c) * METRICS.length
      return Object.fromEntries(METRICS.map((metric, m) => [metric, intervals[first + m]])) as Metrics
    })
    const [at5, at10, at20] = metrics
    return [
      name,
      {
        judged: atTen[n],
        metrics: at10,
        at: { 5: at5, 20: at20 },
        lists: listQuality(firstTen, popularity),
        calibration: categories ? calibrationOf(firstTen, histories, categories) : null,
        slices: Object.fromEntries(
          SLICES.map((slice, s) => [slice, { users: slices[slice].length, ndcg: sliced[s][n] }]),
        ) as MethodResult['slices'],
      },
    ]
  })
  return Object.fromEntries(results)
}

function calibrationOf(
  lists: number[][],
  histories: (Map<number, number> | null | undefined)[],
  categories: Categories,
): MethodResult['calibration'] {
  const values = lists.flatMap((list, at) => {
    const history = histories[at]
    return history ? [miscalibration(history, categoryShares(list, categories))] : []
  })
  return values.length > 0 ? { ...bootstrapInterval(values), users: values.length } : null
}

/**
 * What `chooseBlend` fits on, from validation users: for each of the networks ('none' where there are none), and with the
 * priors of each default blend.
 * @param defaults blends towards which few users leave the weights, by name
 */
export async function blendCases(
  input: EvaluationInput & { defaults: Record<string, Blend> },
): Promise<Record<string, Record<string, BlendCase[]>>> {
  const { itemCount, counts } = input.parts
  const weigher = new Ensemble({ ...input.parts, blend: NO_BLEND })
  // Of the window's beginning.
  const known = Uint8Array.from({ length: itemCount }, (_, item) => (counts.seen(item) > 0 ? 1 : 0))
  const isNew = (item: number) => known[item] === 0
  const defaults = Object.keys(input.defaults)
  const names = Object.keys(input.networks ?? {})
  const none = (): Record<string, BlendCase[]> => Object.fromEntries(defaults.map((name) => [name, []]))
  const found = Object.fromEntries((names.length > 0 ? names : ['none']).map((network) => [network, none()]))
  await forEachCase(input, (one, index, shared, networks, eligible) => {
    const priors = defaults.map((name) => weigher.weights(one.history, input.defaults[name]))
    for (const network of Object.keys(found)) {
      const scores = { ...shared, network: networks[network] }
      const table = blendCase(scores, one.targets, priors[0], eligible, isNew)
      defaults.forEach((name, d) => (found[network][name][index] = { ...table, prior: priors[d] }))
    }
  })
  return found
}

const NO_BLEND: Blend = { sparse: noWeights(), dense: noWeights(), halfway: 1 }

type Visit = (
  one: Case,
  /** Its place among the cases. */
  index: number,
  shared: StandardScores,
  networks: Record<string, Float32Array | undefined>,
  eligible: Eligible,
) => void

/** In the order of their moments, so that the counts can follow the events. */
async function forEachCase(input: EvaluationInput, visit: Visit): Promise<void> {
  const { parts, cases, signal, following } = input
  const shared = new Ensemble({ ...parts, blend: NO_BLEND })
  const networks = Object.entries(input.networks ?? {}).map(([name, network]) => ({
    name,
    network,
    ensemble: new Ensemble({ ...parts, network, blend: NO_BLEND }),
  }))
  const eligible = new Uint8Array(parts.itemCount)
  const counts = following && new FollowedCounts(parts.counts, following)
  const order = [...cases.keys()].sort((a, b) => cases[a].at - cases[b].at || a - b)
  for (let from = 0; from < cases.length; from += BATCH) {
    await setImmediate()
    signal?.throwIfAborted()
    const batch = order.slice(from, from + BATCH)
    const histories = batch.map((index) => cases[index].history)
    const asked = batch.map((index) => cases[index].at)
    const users = networks.map(({ network }) => network.encode(histories, asked))
    batch.forEach((index, place) => {
      const one = cases[index]
      counts?.moveTo(one.at)
      if (input.available) eligible.set(input.available.subarray(0, parts.itemCount))
      else eligible.fill(1)
      for (const item of one.hidden) eligible[item] = 0
      const standard: Record<string, Float32Array | undefined> = {}
      networks.forEach(({ name, network, ensemble }, n) => {
        // An empty history has no user vector; zeros would be one.
        if (one.history.length === 0) return
        const user = users[n].subarray(place * network.width, (place + 1) * network.width)
        const raw = ensemble.component('network', one.history, one.at, user)
        standard[name] = (raw && standardise(raw, eligible)) ?? undefined
      })
      visit(one, index, shared.standardScores(one.history, one.at, eligible, EVERYTHING), standard, eligible)
    })
    input.onProgress?.(Math.min(1, (from + BATCH) / cases.length))
  }
}

function sliceCases({ cases, away }: EvaluationInput, popularity: Float32Array): Record<Slice, Uint32Array> {
  const head = headItems(popularity)
  const found = cases.map((one) => new Set(slicesOf(one, popularity, head, away)))
  return Object.fromEntries(
    SLICES.map((slice) => [slice, Uint32Array.from(found.keys()).filter((at) => found[at].has(slice))]),
  ) as Record<Slice, Uint32Array>
}
