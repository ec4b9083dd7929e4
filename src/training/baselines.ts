import { Counts, type CountSettings, type PairKind } from '../model/counts.js'
import type { Histories } from '../model/history.js'
import { topK } from '../model/ranking.js'
import { Ease } from './ease.js'
import type { ScoredMethod } from './evaluate.js'
import { ItemKnn, type KnnSetting, WhoHadBoth } from './item-knn.js'
import { CUTOFF, judgeList, mean } from './metrics.js'
import type { Case, Split } from './split.js'

export interface BaselineInput {
  split: Split
  itemCount: number
  counts: CountSettings
  /** More items than this and there is no EASE. */
  mostItemsOfEase?: number
}

/** A method of others, with the setting under which it did best on the validation users, built anew from all before the test. */
export interface Baseline extends ScoredMethod {
  setting: Record<string, number | string>
  /** NDCG@10 on validation. */
  validation: number
  /** What choosing and building it took. */
  seconds: number
}

export interface Baselines {
  methods: Baseline[]
  /** By name, why it is not among them. */
  absent: Record<string, string>
}

/** The inverse takes 14 s of one core at 4,000 items and grows with the third power; there is one for each lambda, and one more. */
export const MOST_ITEMS_OF_EASE = 5000
const EASE_SETTINGS = [10, 60, 350, 2000].flatMap((lambda) => [0, 0.5, 1].map((decay) => ({ lambda, decay })))

const KNN_SETTINGS: KnnSetting[] = [0.3, 0.5, 0.7].flatMap((power) =>
  [0, 10].flatMap((shrinkage) =>
    [20, 50, 200].flatMap((neighbours) => [0.5, 1].map((decay) => ({ neighbours, shrinkage, power, decay }))),
  ),
)
const PAIR_KINDS: PairKind[] = ['wide', 'narrow']

// Enough to part settings that differ, few enough to try some dozens.
const VALIDATION_USERS = 300

/** Writes the scores of every item for a case into `out`. */
type Scorer = (one: Case, out: Float32Array) => Float32Array

/**
 * What a version has to beat to be worth its name, each tuned on the validation users of the same split: item KNN,
 * order-aware KNN, and EASE where the catalogue allows. Recent popularity is among the parts that are served.
 */
export function tunedBaselines(input: BaselineInput): Baselines {
  const { split, itemCount, counts, mostItemsOfEase = MOST_ITEMS_OF_EASE } = input
  const methods: Baseline[] = []
  const absent: Record<string, string> = {}
  methods.push(tunedItemKnn(input))
  methods.push(
    tuned(
      'order-aware KNN',
      input,
      PAIR_KINDS.map((kind) => ({ kind })),
      (histories) => {
        const counted = Counts.from(histories, itemCount, counts)
        return ({ kind }) =>
          (one, out) =>
            counted.following(one.history, kind, out)
      },
    ),
  )
  const size = Ease.size(split.beforeTest, itemCount, counts.types)
  if (size <= mostItemsOfEase) methods.push(tunedEase(input))
  else absent['EASE'] = `${size} items are more than ${mostItemsOfEase}, of which a matrix can be inverted in time`
  return { methods, absent }
}

export const tunedItemKnn = (input: BaselineInput): Baseline =>
  tuned('item KNN', input, KNN_SETTINGS, (histories) => {
    const both = WhoHadBoth.from(histories, input.itemCount, input.counts.types)
    return (setting) => {
      const knn = new ItemKnn(both, setting)
      return (one, out) => knn.score(one.history, out)
    }
  })

export const tunedEase = (input: BaselineInput): Baseline =>
  tuned('EASE', input, EASE_SETTINGS, (histories) => {
    // One matrix at a time: they are the larger part of a gigabyte, and settings of one lambda follow each other.
    let current: { lambda: number; ease: Ease } | null = null
    return ({ lambda, decay }) => {
      if (current?.lambda !== lambda) {
        current = null
        current = { lambda, ease: Ease.from(histories, input.itemCount, input.counts.types, lambda) }
      }
      const { ease } = current
      return (one, out) => ease.score(one.history, out, decay)
    }
  })

/**
 * @param settings to choose from
 * @param learn from histories, what all settings share
 */
function tuned<Setting extends Baseline['setting']>(
  name: string,
  { split, itemCount, counts }: BaselineInput,
  settings: Setting[],
  learn: (histories: Histories) => (setting: Setting) => Scorer,
): Baseline {
  const startedAt = performance.now()
  const asked = [...split.validation.stopping, ...split.validation.blending]
  const step = Math.max(1, Math.ceil(asked.length / VALIDATION_USERS))
  const cases = asked.filter((_, index) => index % step === 0)
  const out = new Float32Array(itemCount)
  const scorerOf = (histories: Histories) => {
    const learned = learn(histories)
    const rest = unpopularity(histories, itemCount, counts)
    return (setting: Setting) => {
      const score = learned(setting)
      return (one: Case) => filled(score(one, out), rest)
    }
  }
  const early = scorerOf(split.train)
  let best = settings[0]
  let validation = -1
  for (const setting of settings) {
    const ndcg = ndcgOn(cases, early(setting))
    if (ndcg > validation) [best, validation] = [setting, ndcg]
  }
  const scores = scorerOf(split.beforeTest)(best)
  const seconds = (performance.now() - startedAt) / 1000
  return { name, setting: best, validation, seconds, scores }
}

function ndcgOn(cases: Case[], score: (one: Case) => Float32Array): number {
  return mean(
    cases.map((one) => {
      const scores = score(one)
      for (const item of one.hidden) scores[item] = -Infinity
      return judgeList(topK(scores, CUTOFF), new Set(one.targets)).ndcg
    }),
  )
}

/** Below zero, the less so the more popular the item, [items]. */
function unpopularity(histories: Histories, itemCount: number, { types }: CountSettings): Float32Array {
  const popular = new Float64Array(itemCount)
  histories.items.forEach((item, row) => (popular[item] += Math.max(0, types[histories.types[row]].weight)))
  return Float32Array.from(popular, (count) => -1 / (1 + count))
}

// Smaller than any difference that a method means.
const TIE_BREAK = 1e-9

/** Orders what a method is indifferent about by popularity, and puts what it knows nothing of behind all else. */
function filled(scores: Float32Array, rest: Float32Array): Float32Array {
  let lowest = 0
  for (const score of scores) if (score > -Infinity && score < lowest) lowest = score
  for (let item = 0; item < scores.length; item++) {
    if (scores[item] === 0) scores[item] = TIE_BREAK * rest[item]
    else if (scores[item] === -Infinity) scores[item] = lowest + rest[item]
  }
  return scores
}
