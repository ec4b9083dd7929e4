// Tries whether a re-ranker that was pre-trained on many small shops beats the default blend and a tenant's fitted one:
//
//   npm run build && node dist/scripts/models/reranker.js --data DIR [--share 0.2] [--users 500] [--pretrain no] [--on SET,SET]
//
// It is a conditional logit over what the parts of the score say of a candidate, each with several ways to weigh the
// history (newest step alone, 1 / (k + 1), all alike), times what is known of the history and of the shop. So it learns
// how much to trust which part when, which depends on no catalogue. Pre-trained on Open e-commerce without its books, cut
// into shops as for the default blend; judged on shops it has never seen. About ten minutes on one core.
import { parseArgs } from 'node:util'
import { fitWeights } from '../../src/model/blend.js'
import { COMPONENTS } from '../../src/model/ranking.js'
import { Random } from '../../src/model/random.js'
import { shippedBlend } from '../../src/registry/shipped-base.js'
import { bootstrapInterval, pairedDifference } from '../../src/training/metrics.js'
import {
  chances,
  CONTEXTS,
  judge,
  lossOf,
  PLAIN,
  SOURCES,
  type Table,
  tablesOf,
  utilities,
  WIDTH,
} from './candidate-tables.js'
import { firstUsers, openEcommerceShops, shareOfUsers } from './practice-shops.js'
import { percent, pooled, readTenant, signed } from './trial-tenants.js'

const EVALUATED = ['deskdrop-events', 'wikispeedia', 'amazon-beauty-kw', 'online-retail', 'yelp-s3rec']
const S = SOURCES.length
const CASES = 120
const LOGIT_STEPS = 120
const LEAST_ANSWERED = 30
const PRETRAINING_PULL = 1e-3
const TUNING_PULL = 20
/** What of the features a tenant's own fit may use; all start from the default blend. */
const VARIANTS: Record<string, (source: number, context: number) => boolean> = {
  'five parts': (s, c) => s < PLAIN && c === 0,
  'five parts by support': (s, c) => s < PLAIN && c < 2,
  'all parts by support': (s, c) => s < S && c < 2,
  'five parts, all contexts': (s) => s < PLAIN,
  everything: () => true,
}
const HIDDEN = 16
const MLP_EPOCHS = 6

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    share: { type: 'string', default: '0.2' },
    users: { type: 'string', default: '500' },
    pretrain: { type: 'string', default: 'yes' },
    on: { type: 'string', default: EVALUATED.join() },
  },
})
const data = values.data ?? process.env.ATTUNE_DATA
if (!data) throw new Error('where is the data? --data DIR, or ATTUNE_DATA')
main(data, Number(values.share), values.on.split(','))

function main(from: string, share: number, sets: string[]): void {
  const started = performance.now()
  const nothing = Array.from({ length: WIDTH }, (_, f) => standardCoefficient(f))
  const pretrained: Record<string, (one: Table) => Float32Array> = {}
  let coefficients = nothing
  if (values.pretrain === 'yes') {
    const learned = practice(from)
    coefficients = fitLogit(learned, nothing, PRETRAINING_PULL)
    pretrained['logit, untuned'] = (one) => utilities(one, coefficients)
    pretrained['MLP, untuned'] = pretrainMlp(learned)
    const losses = Object.entries(pretrained).map(([name, score]) => `${name} ${lossOf(learned, score).toFixed(4)}`)
    console.log(
      `pre-trained on ${learned.length} choices in ${seconds(started)} s: loss of the default blend ` +
        `${lossOf(learned, ({ standard }) => standard).toFixed(4)}, ${losses.join(', ')}`,
    )
  }
  const names = [
    'default',
    'fitted blend',
    ...Object.keys(pretrained),
    ...(values.pretrain === 'yes' ? ['logit, tuned'] : []),
    ...Object.keys(VARIANTS),
  ]
  console.log(`\n| shop | users | ${names.join(' | ')} |\n|---|---|${names.map(() => '---').join('|')}|`)
  const differences: Record<string, { mean: number; low: number; high: number }[]> = {}
  for (const set of sets) {
    const { ground, learning, testing } = readTenant(from, set, {
      share,
      seed: 1,
      engine: 'cpu',
      users: Number(values.users),
    })
    const { split } = ground
    const own = tablesOf(learning, split.validation.blending)
    const test = tablesOf(testing, split.test)
    const answered = own.filter(({ targets }) => targets.length > 0)
    const usable = answered.map((one) => ({ ...one, weight: 1 / answered.length }))
    const tuned = (start: number[], used?: (feature: number) => boolean) => {
      const at = fitLogit(usable, start, TUNING_PULL / Math.max(1, usable.length), used)
      return (one: Table) => utilities(one, at)
    }
    const plain = plainWeights(own)
    const methods: Record<string, (one: Table) => Float32Array> = {
      default: ({ standard }) => standard,
      'fitted blend': (one) => utilities(one, plain),
      ...pretrained,
      ...(values.pretrain === 'yes' && { 'logit, tuned': tuned(coefficients) }),
      ...Object.fromEntries(
        Object.entries(VARIANTS).map(([name, used]) => [
          name,
          tuned(nothing, (f) => used(Math.floor(f / (CONTEXTS + 1)), f % (CONTEXTS + 1))),
        ]),
      ),
    }
    const ndcgs = Object.fromEntries(Object.entries(methods).map(([name, score]) => [name, judge(test, score)]))
    const cells = names.map((name) => {
      const { mean: centre, low, high } = bootstrapInterval(ndcgs[name])
      return `${percent(centre)} (${percent(low)} to ${percent(high)})`
    })
    console.log(`| ${set} | ${test.length} | ${cells.join(' | ')} |`)
    const note = (a: string, b: string) =>
      (differences[`${a} - ${b}`] ??= []).push(pairedDifference(ndcgs[a], ndcgs[b]))
    for (const name of Object.keys(pretrained)) note(name, 'default')
    for (const name of names.filter((one) => !(one in pretrained) && one !== 'fitted blend')) note(name, 'fitted blend')
    if (values.pretrain === 'yes') note('logit, tuned', 'everything')
  }
  for (const [name, list] of Object.entries(differences))
    console.log(`${name}: mean ${signed(pooled(list))}; ${list.map(signed).join('; ')}`)
  console.log(`${seconds(started)} s`)
}

/** Situations as those that the default blend was fitted on. */
function practice(from: string): Table[] {
  return openEcommerceShops(from).flatMap((shop) =>
    (['time', 'last'] as const)
      .flatMap((protocol) => [
        ...[1, 0.2].map((share) => shareOfUsers(shop, protocol, { share, most: CASES })),
        ...[10, 30, 100].map((users) => firstUsers(shop, protocol, users, CASES)),
      ])
      .flatMap(({ name, parts, cases }) => {
        const found = tablesOf(parts, cases).filter(({ targets }) => targets.length > 0)
        console.error(`${name}: ${found.length} of ${cases.length} users`)
        const weight = 1 / Math.max(LEAST_ANSWERED, found.length)
        return found.map((one) => ({ ...one, weight }))
      }),
  )
}

/** The product's own fit of five weights, as coefficients. */
function plainWeights(tables: Table[]): number[] {
  const cases = tables.map(({ features, targets, targetCount }) => {
    const rows = features.length / WIDTH
    const scores = new Float32Array(rows * COMPONENTS.length)
    for (let row = 0; row < rows; row++)
      for (let s = 0; s < PLAIN; s++)
        scores[row * COMPONENTS.length + COMPONENTS.indexOf(SOURCES[s] as (typeof COMPONENTS)[number])] =
          features[row * WIDTH + s * (CONTEXTS + 1)]
    return { scores, targets, targetCount, prior: shippedBlend().dense, newRows: [], newTargets: 0 }
  })
  const weights = fitWeights(cases, ['text', 'wide', 'narrow', 'popular', 'recent'])
  const coefficients = Array.from({ length: WIDTH }, () => 0)
  for (let s = 0; s < PLAIN; s++)
    coefficients[s * (CONTEXTS + 1)] = weights[SOURCES[s] as (typeof COMPONENTS)[number]]
  return coefficients
}

/** The default blend for a dense history: what tuning starts from where nothing was pre-trained. */
function standardCoefficient(feature: number): number {
  const s = Math.floor(feature / (CONTEXTS + 1))
  const { sparse, dense } = shippedBlend()
  const name = SOURCES[s] as (typeof COMPONENTS)[number]
  if (s >= PLAIN) return 0
  if (feature % (CONTEXTS + 1) === 0) return sparse[name]
  return feature % (CONTEXTS + 1) === 1 ? dense[name] - sparse[name] : 0
}

/** The most likely coefficients, drawn towards the start, by Adam: Newton's matrix would be the larger part of the work. */
function fitLogit(tables: Table[], start: number[], pull: number, used: (feature: number) => boolean = () => true): number[] {
  const at = start.slice()
  const moments = [new Float64Array(WIDTH), new Float64Array(WIDTH)]
  const total = tables.reduce((sum, { weight }) => sum + weight, 0)
  for (let step = 1; step <= LOGIT_STEPS; step++) {
    const gradient = Float64Array.from(at, (value, f) => pull * (value - start[f]))
    for (const one of tables) {
      const slopes = chances(utilities(one, at))
      for (const row of one.targets) slopes[row] -= 1 / one.targets.length
      slopes.forEach((slope, row) => {
        const size = (slope * one.weight) / total
        for (let f = 0, from = row * WIDTH; f < WIDTH; f++) gradient[f] += size * one.features[from + f]
      })
    }
    const rate = 0.03 * (1 - (step - 1) / LOGIT_STEPS)
    for (let f = 0; f < WIDTH; f++) {
      if (!used(f)) continue
      moments[0][f] = 0.9 * moments[0][f] + 0.1 * gradient[f]
      moments[1][f] = 0.99 * moments[1][f] + 0.01 * gradient[f] ** 2
      at[f] -= (rate * (moments[0][f] / (1 - 0.9 ** step))) / (Math.sqrt(moments[1][f] / (1 - 0.99 ** step)) + 1e-8)
    }
  }
  return at
}

/** A hidden layer over the same features beside the default blend, by Adam. @returns utilities of a table's rows */
function pretrainMlp(tables: Table[]): (one: Table) => Float32Array {
  const random = new Random(3)
  const sizes = [WIDTH * HIDDEN, HIDDEN, HIDDEN]
  const theta = [random.normals(sizes[0], 1 / Math.sqrt(WIDTH)), new Float32Array(HIDDEN), new Float32Array(HIDDEN)]
  const moments = sizes.map((size) => [new Float32Array(size), new Float32Array(size)])
  const forward = ({ features, standard }: Table) => {
    const hidden = new Float32Array(standard.length * HIDDEN)
    const out = standard.slice()
    for (let row = 0; row < out.length; row++)
      for (let h = 0; h < HIDDEN; h++) {
        let sum = theta[1][h]
        for (let f = 0; f < WIDTH; f++) sum += features[row * WIDTH + f] * theta[0][f * HIDDEN + h]
        hidden[row * HIDDEN + h] = Math.max(0, sum)
        out[row] += theta[2][h] * Math.max(0, sum)
      }
    return { hidden, out }
  }
  const total = tables.reduce((sum, { weight }) => sum + weight, 0)
  let step = 0
  for (let epoch = 0; epoch < MLP_EPOCHS; epoch++) {
    const order = random.permutation(tables.length)
    for (let from = 0; from < order.length; from += 32) {
      const gradients = sizes.map((size) => new Float32Array(size))
      for (const index of order.slice(from, from + 32)) {
        const one = tables[index]
        const { hidden, out } = forward(one)
        const slopes = chances(out)
        for (const row of one.targets) slopes[row] -= 1 / one.targets.length
        const weight = (one.weight * tables.length) / total / 32
        slopes.forEach((value, row) => {
          const slope = value * weight
          if (Math.abs(slope) < 1e-7) return
          for (let h = 0; h < HIDDEN; h++) {
            const active = hidden[row * HIDDEN + h]
            gradients[2][h] += slope * active
            if (active <= 0) continue
            const back = slope * theta[2][h]
            gradients[1][h] += back
            for (let f = 0; f < WIDTH; f++) gradients[0][f * HIDDEN + h] += back * one.features[row * WIDTH + f]
          }
        })
      }
      step++
      const rate = 2e-3 * Math.min(1, step / 50) * (1 - epoch / MLP_EPOCHS)
      theta.forEach((values, t) => {
        const [first, second] = moments[t]
        values.forEach((value, i) => {
          const g = gradients[t][i]
          first[i] = 0.9 * first[i] + 0.1 * g
          second[i] = 0.99 * second[i] + 0.01 * g * g
          const move = first[i] / (1 - 0.9 ** step) / (Math.sqrt(second[i] / (1 - 0.99 ** step)) + 1e-8)
          values[i] = value - rate * (move + 1e-2 * value)
        })
      })
    }
  }
  return (one) => forward(one).out
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0)
}
