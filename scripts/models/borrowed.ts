// Tries whether what was learned of some items helps those that look alike, in closed form:
//
//   npm run build && node dist/scripts/models/borrowed.js --data DIR [--share 0.2] [--users 500] [--on SET,SET]
//
// - before: what follows the items that the user's text vector is nearest to, as if they had been in the history;
// - after: what looks like the items that most likely follow the history.
// So an item without events of its own is predicted from the co-occurrence of its neighbours by text. How many neighbours,
// and how much both weigh in the default blend, is learned on Open e-commerce without its books; judged on shops it has
// never seen. About five minutes on one core.
import { parseArgs } from 'node:util'
import { fitConditionalLogit, logitLoss, type Choice } from '../../src/model/conditional-logit.js'
import { Ensemble } from '../../src/model/ensemble.js'
import { noWeights, standardise, topK } from '../../src/model/ranking.js'
import { judgeList, mean, pairedDifference } from '../../src/training/metrics.js'
import { shippedBlend } from '../../src/registry/shipped-base.js'
import type { Case } from '../../src/training/split.js'
import { firstUsers, openEcommerceShops, shareOfUsers } from './practice-shops.js'
import { type Parts, percent, pooled, readTenant, signed } from './trial-tenants.js'

const EVALUATED = ['deskdrop-events', 'wikispeedia', 'amazon-beauty-kw', 'online-retail', 'yelp-s3rec']
const PLAIN = ['text', 'wide', 'narrow', 'popular', 'recent'] as const
const FIRST_OF_BORROWED = PLAIN.length
const SOURCES = [...PLAIN, 'before', 'after'] as const
const NEIGHBOURS = [10, 40]
const POWER = 2
const CANDIDATES = 100
const CASES = 100
const LEAST_ANSWERED = 30
const HALFWAY = 10
const PULL = 1e-3
const PRIOR_USERS = 5

interface Answers {
  one: Case
  eligible: Uint8Array
  /** By source. */
  scores: (Float32Array | null)[]
  dense: number
}

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    share: { type: 'string', default: '0.2' },
    users: { type: 'string', default: '500' },
    on: { type: 'string', default: EVALUATED.join() },
  },
})
const data = values.data ?? process.env.ATTUNE_DATA
if (!data) throw new Error('where is the data? --data DIR, or ATTUNE_DATA')
main(data, values.on.split(','))

function main(from: string, sets: string[]): void {
  const situations = openEcommerceShops(from).flatMap((shop) =>
    (['time', 'last'] as const).flatMap((protocol) => [
      ...[1, 0.2].map((part) => shareOfUsers(shop, protocol, { share: part, most: CASES })),
      firstUsers(shop, protocol, 30, CASES),
    ]),
  )
  const learned = NEIGHBOURS.map((neighbours) => {
    const choices = situations.flatMap(({ parts, cases }) => {
      const found = [...answersOf(parts, cases, neighbours)].flatMap((one) => choiceOf(one, true))
      return found.map((one) => ({ ...one, weight: 1 / Math.max(LEAST_ANSWERED, found.length) }))
    })
    const fits = [false, true].map((withBorrowed) => {
      const allowed = SOURCES.flatMap((_, s) => Array(2).fill(withBorrowed || s < FIRST_OF_BORROWED) as boolean[])
      const coefficients = fitConditionalLogit(choices, { prior: allowed.map(() => 0), pull: PULL, allowed })
      return { coefficients, loss: logitLoss(choices, coefficients) }
    })
    console.log(
      `${neighbours} neighbours, ${choices.length} choices: loss ${fits.map(({ loss }) => loss.toFixed(4)).join(' without, with ')}; ` +
        fits.map(({ coefficients }) => coefficients.map((c) => c.toFixed(2)).join(' ')).join(' | '),
    )
    return { neighbours, without: fits[0].coefficients, all: fits[1].coefficients, loss: fits[1].loss }
  })
  const best = learned.reduce((a, b) => (b.loss < a.loss ? b : a))
  const names = ['before', 'after', 'default without', 'default with', 'fitted without', 'fitted with'] as const
  console.log(`\n| shop | ${names.join(' | ')} |\n|---|${names.map(() => '---').join('|')}|`)
  const differences: Record<string, ReturnType<typeof pairedDifference>[]> = {}
  for (const set of sets) {
    const { ground, learning, testing } = readTenant(from, set, {
      share: Number(values.share),
      seed: 1,
      engine: 'cpu',
      users: Number(values.users),
    })
    const own = [...answersOf(learning, ground.split.validation.blending, best.neighbours)].flatMap((one) =>
      choiceOf(one, false),
    )
    const fitted = [best.without, best.all].map((prior, withBorrowed) => {
      const dense = SOURCES.map((_, s) => prior[2 * s + 1])
      if (own.length === 0) return dense
      const allowed = SOURCES.map((_, s) => withBorrowed === 1 || s < FIRST_OF_BORROWED)
      const choices = own.map((one) => ({ ...one, weight: 1 / own.length }))
      return fitConditionalLogit(choices, { prior: dense, pull: PRIOR_USERS / own.length, allowed })
    })
    const alone = (name: string) => SOURCES.map((source) => Number(source === name))
    const gated = (coefficients: number[]) => (dense: number) =>
      SOURCES.map((_, s) => coefficients[2 * s] * (1 - dense) + coefficients[2 * s + 1] * dense)
    const weights = [
      () => alone('before'),
      () => alone('after'),
      gated(best.without),
      gated(best.all),
      () => fitted[0],
      () => fitted[1],
    ]
    const ndcgs: number[][] = names.map(() => [])
    for (const { one, eligible, scores, dense } of answersOf(testing, ground.split.test, best.neighbours)) {
      const wanted = new Set(one.targets)
      weights.forEach((by, n) => ndcgs[n].push(judgeList(topK(sum(scores, by(dense)), 10, eligible), wanted, 10).ndcg))
    }
    console.log(`| ${set} | ${ndcgs.map((list) => percent(mean(list))).join(' | ')} |`)
    console.error(`${set}: fitted ${fitted.map((one) => one.map((c) => c.toFixed(2)).join(' ')).join(' | ')}`)
    for (const [name, a] of [
      ['default', 3],
      ['fitted', 5],
    ] as const)
      (differences[`${name}, with - without`] ??= []).push(pairedDifference(ndcgs[a], ndcgs[a - 1]))
  }
  for (const [name, list] of Object.entries(differences))
    console.log(`${name}: mean ${signed(pooled(list))}; ${list.map(signed).join('; ')}`)
}

function* answersOf(parts: Parts, cases: Case[], neighbours: number): Generator<Answers> {
  const { itemCount, text, counts } = parts
  const ensemble = new Ensemble({ ...parts, blend: shippedBlend() })
  const everything = { ...noWeights(), text: 1, wide: 1, narrow: 1, popular: 1, recent: 1 }
  const anything = new Uint8Array(itemCount).fill(1)
  const row = new Float32Array(itemCount)
  for (const one of cases) {
    const { history, hidden, at } = one
    const eligible = new Uint8Array(itemCount).fill(1)
    for (const item of hidden) eligible[item] = 0
    const plain = ensemble.standardScores(history, at, eligible, everything)
    // Neighbours may be items that the user had, so these are asked over the whole catalogue.
    const near = ensemble.component('text', history, at)
    const before = new Float32Array(itemCount)
    if (near) {
      const top = topK(near, neighbours + history.length, anything).filter((item) => near[item] > 0)
      for (const item of top) {
        counts.following([{ item, type: 0, at }], 'wide', row)
        const share = (near[item] / near[top[0]]) ** POWER
        for (let other = 0; other < itemCount; other++) if (row[other] > 0) before[other] += share * row[other]
      }
    }
    const user = new Float32Array(text.length)
    const wide = plain.wide
    if (wide)
      for (const item of topK(wide, neighbours, eligible)) {
        if (wide[item] <= 0) break
        text.block(item, item + 1).forEach((value, j) => (user[j] += wide[item] * value))
      }
    const support = counts.stepsOf(history, 50).map((item) => counts.seen(item))
    const total = support.reduce((all, _, k) => all + 1 / (k + 1), 0)
    const seen = total > 0 ? support.reduce((all, value, k) => all + value / (k + 1), 0) / total : 0
    yield {
      one,
      eligible,
      scores: [
        ...PLAIN.map((name) => plain[name] ?? null),
        standardise(before, eligible),
        wide ? standardise(text.products(user, itemCount), eligible) : null,
      ],
      dense: seen / (seen + HALFWAY),
    }
  }
}

/** @param gated each score twice: by how sparse, and by how dense the history's items are */
function choiceOf({ one, eligible, scores, dense }: Answers, gated: boolean): Choice[] {
  const items = [...new Set(scores.flatMap((part) => (part ? topK(part, CANDIDATES, eligible) : [])))]
  const wanted = new Set(one.targets)
  const targets = [...items.keys()].filter((place) => wanted.has(items[place]))
  if (targets.length === 0) return []
  const features = items.flatMap((item) =>
    scores.flatMap((part) => {
      const z = part?.[item] ?? 0
      return gated ? [z * (1 - dense), z * dense] : [z]
    }),
  )
  return [{ features: Float32Array.from(features), targets, weight: 1 }]
}

function sum(scores: (Float32Array | null)[], weights: number[]): Float32Array {
  const out = new Float32Array(scores.find((part) => part)?.length ?? 0)
  scores.forEach((part, s) => {
    if (part && weights[s] !== 0) for (let item = 0; item < out.length; item++) out[item] += weights[s] * part[item]
  })
  return out
}
