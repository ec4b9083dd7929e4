import type { Counts } from './counts.js'
import { freshness } from './freshness.js'
import type { Interaction } from './history.js'
import type { LexicalIndex } from './lexical-index.js'
import { COMPONENTS, combine, noWeights, standardise } from './ranking.js'
import type { ComponentName, Eligible, StandardScores, Weights } from './ranking.js'
import { products } from './products.js'
import { cosine } from './rows.js'
import type { TextMatrix } from './text-matrix.js'

/**
 * Weights of the components, from those for a user whose items hardly anybody has touched to those for one whose items
 * many have: halfway between them when the items of the history were seen `halfway` times each.
 */
export interface Blend {
  sparse: Weights
  dense: Weights
  halfway: number
}

/** With a weight of 0 for the parts that it does not name (there were fewer once) and for those to leave out. */
export function completeBlend({ sparse, dense, halfway }: Blend, without: readonly ComponentName[] = []): Blend {
  const off = Object.fromEntries(without.map((name) => [name, 0]))
  return { sparse: { ...noWeights(), ...sparse, ...off }, dense: { ...noWeights(), ...dense, ...off }, halfway }
}

/** Whether the part has any say in a blend. */
export const asks = ({ sparse, dense }: Blend, name: ComponentName): boolean => sparse[name] !== 0 || dense[name] !== 0

/** The same weights whatever the history. */
export const fixedBlend = (weights: Weights): Blend => ({ sparse: weights, dense: weights, halfway: 1 })

export interface NetworkVectors {
  width: number
  /** [items, width], row-major */
  vectors: Float32Array
}

export interface EnsembleParts {
  itemCount: number
  /** Whitened rows of length 1, or of zeros for an item without text. */
  text: TextMatrix
  /** Absent: the lexical component has nothing to say. */
  lexical?: LexicalIndex
  counts: Counts
  /** When each item was published, milliseconds since 1970, NaN where nobody told; [items] or fewer. */
  published?: Float64Array
  network?: NetworkVectors
  blend: Blend
}

export interface Contribution {
  item: number
  weight: number
}

// Beyond 50 steps a weight of 1 / (k + 1) adds nothing that is seen.
const HISTORY_LENGTH = 50
const PERSONAL_COMPONENTS = ['network', 'text', 'lexical', 'wide', 'narrow'] as const

/**
 * The scoring code: what evaluation measures is what serving runs. Holds no state of its own, so that a new catalogue or
 * a new version is a new Ensemble over the same counts.
 */
export class Ensemble {
  constructor(private readonly parts: EnsembleParts) {
    const { itemCount, text, network } = parts
    if (text.items < itemCount) throw new Error('The text vectors do not cover the catalogue')
    if (network && network.vectors.length < itemCount * network.width) {
      throw new Error("The network's vectors do not cover the catalogue")
    }
  }

  get itemCount(): number {
    return this.parts.itemCount
  }

  get blend(): Blend {
    return this.parts.blend
  }

  /**
   * A score for every item, [items]: higher is better, -Infinity for items that are not eligible. Standard scores are
   * taken over the eligible items, so leave seen and unavailable ones out by `eligible`, not afterwards.
   * @param history oldest first
   * @param now milliseconds; recent popularity is as of this moment
   * @param userVector the network's output for the history, [width]
   */
  score(history: Interaction[], now: number, eligible: Eligible, userVector?: Float32Array): Float32Array {
    return this.reasoned(history, now, eligible, userVector).scores
  }

  /**
   * As `score`, with reasons for those who ask: how much each item of the history contributed to the scores of `items`,
   * largest first, the share of each personal component's weighted standard score that the history item accounts for.
   * Popularity has no such item.
   */
  reasoned(
    history: Interaction[],
    now: number,
    eligible: Eligible,
    userVector?: Float32Array,
  ): { scores: Float32Array; explain: (items: number[]) => Contribution[][] } {
    const weights = this.weights(history)
    const standard = this.standardScores(history, now, eligible, weights, userVector)
    return {
      scores: combine(standard, weights, this.parts.itemCount, eligible),
      explain: (items) => this.explain(history, items, standard, weights),
    }
  }

  /** The blend's weights for this history: how much its items have been seen decides between sparse and dense. */
  weights(history: Interaction[], blend = this.parts.blend): Weights {
    const support = this.support(history)
    const dense = support / (support + blend.halfway)
    const weights = noWeights()
    for (const name of Object.keys(weights) as ComponentName[]) {
      weights[name] = blend.sparse[name] + (blend.dense[name] - blend.sparse[name]) * dense
    }
    return weights
  }

  /** Standard scores of the components that have a weight; popularity always, since it breaks ties. */
  standardScores(
    history: Interaction[],
    now: number,
    eligible: Eligible,
    weights: Weights,
    userVector?: Float32Array,
  ): StandardScores {
    const scores: StandardScores = {}
    for (const name of COMPONENTS) {
      if (weights[name] === 0 && name !== 'popular' && name !== 'recent') continue
      const raw = this.component(name, history, now, userVector)
      const standard = raw && standardise(raw, eligible)
      if (standard) scores[name] = standard
    }
    return scores
  }

  /** One component's raw values, [items]; null where it has nothing to go by. */
  component(name: ComponentName, history: Interaction[], now: number, userVector?: Float32Array): Float32Array | null {
    const { itemCount, text, counts, published, network } = this.parts
    switch (name) {
      case 'popular':
        return logOfOneMore(counts.popular(new Float32Array(itemCount)))
      case 'recent':
        return logOfOneMore(counts.recent(now, new Float32Array(itemCount)))
      case 'network':
        if (!network || !userVector) return null
        return products(network.vectors, network.width, userVector, itemCount)
      case 'text': {
        const user = this.textUser(history)
        return user && text.products(user, itemCount)
      }
      case 'lexical':
        return this.lexicalScores(history)
      case 'fresh':
        return freshness(counts, published, now, itemCount)
      case 'again':
        return this.again(history)
      default:
        return history.length > 0 ? counts.following(history, name, new Float32Array(itemCount)) : null
    }
  }

  private explain(history: Interaction[], items: number[], scores: StandardScores, weights: Weights): Contribution[][] {
    const steps = this.steps(history)
    return items.map((item) => {
      const shares = new Map<number, number>()
      for (const name of PERSONAL_COMPONENTS) {
        const amount = weights[name] * Math.max(0, scores[name]?.[item] ?? 0)
        if (amount === 0) continue
        const parts = steps.map((step, k) => Math.max(0, this.affinity(name, step, item)) * decay(name, k))
        const total = parts.reduce((sum, part) => sum + part, 0)
        if (total === 0) continue
        parts.forEach((part, k) => {
          if (part > 0) shares.set(steps[k], (shares.get(steps[k]) ?? 0) + (amount * part) / total)
        })
      }
      return [...shares].map(([step, weight]) => ({ item: step, weight })).sort((a, b) => b.weight - a.weight)
    })
  }

  /** Scores of every item as more of the same, [items], by text, words, co-occurrence and the network's vectors. */
  similar(item: number, now: number, eligible: Eligible): Float32Array {
    const { itemCount, counts, network } = this.parts
    const others = eligible ? eligible.slice(0, itemCount) : new Uint8Array(itemCount).fill(1)
    others[item] = 0
    const history = [{ item, type: counts.evidenceType, at: now }]
    const weights = { ...this.weights(history), popular: 0, recent: 0, fresh: 0 }
    const scores = this.standardScores(history, now, others, { ...weights, network: 0 })
    if (network && weights.network > 0) {
      const cosines = Float32Array.from({ length: itemCount }, (_, other) => this.affinity('network', item, other))
      scores.network = standardise(cosines, others) ?? undefined
    }
    return combine(scores, weights, itemCount, others)
  }

  /** How often and how lately the user had each item, [items]; null without a step. */
  private again(history: Interaction[]): Float32Array | null {
    const { itemCount } = this.parts
    const steps = this.steps(history)
    if (steps.length === 0) return null
    const raw = new Float32Array(itemCount)
    steps.forEach((item, k) => {
      if (item < itemCount) raw[item] += (k + 1) ** -0.5
    })
    return raw
  }

  /** The mean of the last steps' text vectors weighted by 1 / (k + 1), [text.length]; null without a text in them. */
  private textUser(history: Interaction[]): Float32Array | null {
    const { itemCount, text } = this.parts
    const user = new Float32Array(text.length)
    let known = false
    this.steps(history).forEach((item, k) => {
      if (item >= itemCount || text.isEmpty(item)) return
      known = true
      const weight = decay('text', k)
      text.block(item, item + 1).forEach((value, j) => (user[j] += weight * value))
    })
    return known ? user : null
  }

  /** Words shared with the last steps, these weighted as for the text, [items]. */
  private lexicalScores(history: Interaction[]): Float32Array | null {
    const { itemCount, lexical } = this.parts
    const met = this.steps(history).map((item, k) => ({ item, weight: decay('lexical', k) }))
    return lexical?.scores(met, itemCount) ?? null
  }

  /** Mean number of times the history's items were seen by anybody, the newest weighing most. */
  private support(history: Interaction[]): number {
    let seen = 0
    let total = 0
    this.steps(history).forEach((item, k) => {
      seen += this.parts.counts.seen(item) / (k + 1)
      total += 1 / (k + 1)
    })
    return total > 0 ? seen / total : 0
  }

  private steps(history: Interaction[]): number[] {
    return this.parts.counts.stepsOf(history, HISTORY_LENGTH)
  }

  private affinity(name: (typeof PERSONAL_COMPONENTS)[number], from: number, to: number): number {
    const { text, lexical, counts, network } = this.parts
    if (name === 'lexical') return lexical?.similarity(from, to) ?? 0
    if (name === 'text') return text.product(from, to)
    if (name === 'network') return network ? cosine(network.vectors, network.width, from, to) : 0
    return counts.pair(name, from, to)
  }
}

const decay = (name: (typeof PERSONAL_COMPONENTS)[number], k: number): number =>
  (k + 1) ** (name === 'narrow' ? -1.5 : -1)

/** In place: ln(1 + x). In a large catalogue most counts are 0, and stay so. */
function logOfOneMore(values: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) values[i] = Math.log1p(values[i])
  return values
}
