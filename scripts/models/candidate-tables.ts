// What the parts of the score say of a user's candidates, with what is known of the history and of the shop.
import type { Choice } from '../../src/model/conditional-logit.js'
import { Ensemble } from '../../src/model/ensemble.js'
import { COMPONENTS, dcgOf, noWeights, standardise, topK } from '../../src/model/ranking.js'
import { shippedBlend } from '../../src/registry/shipped-base.js'
import { mean } from '../../src/training/metrics.js'
import type { Case } from '../../src/training/split.js'
import type { Parts } from './trial-tenants.js'

export const SOURCES = [
  'text',
  'wide',
  'narrow',
  'popular',
  'recent',
  'textNewest',
  'wideNewest',
  'textAll',
  'wideAll',
] as const
/** The first of them are parts of the score as they are served. */
export const PLAIN = 5
/** Of the history and the shop: 1, support, support of the newest, shortness, likeness of the steps, density. */
export const CONTEXTS = 6
/** Each source times each context and times its own height, and how often the candidate was seen, by itself and by density. */
export const WIDTH = SOURCES.length * (CONTEXTS + 1) + 2
const STEPS = 20
const CANDIDATES = 50

export interface Table extends Choice {
  /** Of which `targetCount` were asked for, some perhaps outside the candidates. */
  targetCount: number
  /** Utilities under the default blend. */
  standard: Float32Array
}

export function tablesOf(parts: Parts, cases: Case[]): Table[] {
  const { itemCount, text, counts } = parts
  const ensemble = new Ensemble({ ...parts, blend: shippedBlend() })
  const everything = { ...noWeights(), text: 1, wide: 1, narrow: 1, popular: 1, recent: 1 }
  let events = 0
  for (let item = 0; item < itemCount; item++) events += counts.seen(item)
  const density = gate(events / itemCount)
  const eligible = new Uint8Array(itemCount)
  return cases.map(({ history, hidden, targets, at }) => {
    eligible.fill(1)
    for (const item of hidden) eligible[item] = 0
    const steps = counts.stepsOf(history, STEPS)
    const plain: Partial<Record<string, Float32Array>> = ensemble.standardScores(history, at, eligible, everything)
    const scores = SOURCES.slice(0, PLAIN).map((name) => plain[name])
    const flat = new Float32Array(text.length)
    const wideAll = new Float32Array(itemCount)
    const one = new Float32Array(itemCount)
    const rows = steps.map((item) => text.block(item, item + 1))
    steps.forEach((item, k) => {
      rows[k].forEach((value, j) => (flat[j] += value))
      counts.following([{ item, type: 0, at }], 'wide', one).forEach((value, j) => (wideAll[j] += value))
    })
    const newest = steps.length > 0 ? [{ item: steps[0], type: 0, at }] : []
    const raw = [
      text.products(rows[0] ?? flat, itemCount),
      counts.following(newest, 'wide', one),
      text.products(flat, itemCount),
      wideAll,
    ]
    for (const values of raw) scores.push(standardise(values, eligible) ?? undefined)

    const union = new Set<number>()
    for (const part of scores) if (part) for (const item of topK(part, CANDIDATES, eligible)) union.add(item)
    const items = [...union]
    const heights = scores.map((part) => (part ? items.reduce((top, item) => Math.max(top, part[item]), 0) / 10 : 0))
    const likeness = steps.slice(1).map((item) => text.product(steps[0], item))
    const support = weightedMean(steps.map((item) => counts.seen(item)))
    const contexts = [
      1,
      gate(support),
      gate(steps.length > 0 ? counts.seen(steps[0]) : 0),
      steps.length > 0 ? 1 / steps.length : 0,
      likeness.length > 0 ? mean(likeness) : 0,
      density,
    ]
    const features = new Float32Array(items.length * WIDTH)
    const standard = new Float32Array(items.length)
    const weights = ensemble.weights(history)
    items.forEach((item, row) => {
      let to = row * WIDTH
      scores.forEach((part, s) => {
        const z = part?.[item] ?? 0
        for (const context of contexts) features[to++] = z * context
        features[to++] = z * heights[s]
        if (s < PLAIN) standard[row] += weights[SOURCES[s] as (typeof COMPONENTS)[number]] * z
      })
      features[to++] = gate(counts.seen(item))
      features[to++] = gate(counts.seen(item)) * density
    })
    const wanted = new Set(targets)
    return {
      features,
      standard,
      targets: [...items.keys()].filter((row) => wanted.has(items[row])),
      targetCount: wanted.size,
      weight: 1,
    }
  })
}

const gate = (count: number): number => count / (count + 10)

export function judge(tables: Table[], score: (one: Table) => Float32Array): Float32Array {
  return Float32Array.from(tables, (one) => {
    if (one.targetCount === 0) return 0
    const ranks = topK(score(one), 10).flatMap((row, rank) => (one.targets.includes(row) ? [rank] : []))
    return dcgOf(ranks) / dcgOf([...Array(Math.min(10, one.targetCount)).keys()])
  })
}

export function utilities({ features, standard }: Table, coefficients: number[]): Float32Array {
  const out = new Float32Array(standard.length)
  for (let row = 0, at = 0; row < out.length; row++) {
    let sum = 0
    for (let f = 0; f < WIDTH; f++) sum += coefficients[f] * features[at++]
    out[row] = sum
  }
  return out
}

export function lossOf(tables: Table[], score: (one: Table) => Float32Array): number {
  const total = tables.reduce((sum, { weight }) => sum + weight, 0)
  return tables.reduce((sum, one) => {
    const likely = chances(score(one))
    const log = mean(one.targets.map((row) => Math.log(Math.max(1e-12, likely[row]))))
    return sum - (one.weight * log) / total
  }, 0)
}

export function chances(scores: Float32Array): Float32Array {
  const highest = scores.reduce((a, b) => Math.max(a, b), -Infinity)
  const raised = scores.map((score) => Math.exp(score - highest))
  const total = raised.reduce((sum, value) => sum + value, 0)
  return raised.map((value) => value / total)
}

function weightedMean(values: number[]): number {
  const total = values.reduce((sum, _, k) => sum + 1 / (k + 1), 0)
  return total > 0 ? values.reduce((sum, value, k) => sum + value / (k + 1), 0) / total : 0
}
