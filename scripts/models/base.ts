// Fits the shipped default blend, or shows how it does on shops that it was not fitted on:
//
//   npm run build && node dist/scripts/models/base.js --data DIR [--out FILE] [--check FOLDER,FOLDER]
//
// DIR (or ATTUNE_DATA) holds the folders open-ecommerce and open-ecommerce-core; with --check, those that are named.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { chooseBlend, fitWeights, type BlendCase } from '../../src/model/blend.js'
import { fitConditionalLogit, logitLoss, type Choice } from '../../src/model/conditional-logit.js'
import { completeBlend, fixedBlend, type Blend } from '../../src/model/ensemble.js'
import { COMPONENTS, noWeights, type ComponentName } from '../../src/model/ranking.js'
import { packagePath } from '../../src/platform/paths.js'
import { blendCases, evaluate, type Method } from '../../src/training/evaluate.js'
import { firstUsers, openEcommerceShops, readPracticeShop, shareOfUsers, type Situation } from './practice-shops.js'

const CASES = 500
const LEAST_ANSWERED = 30
const CHECK_CASES = 1000
const HALFWAYS = [10, 30, 60, 100]
// Hardly any: the pooled cases are thousands.
const PULL = 1e-3
const WIDTH = COMPONENTS.length
const PARTS = ['popular', 'recent', 'fresh', 'text', 'lexical', 'wide', 'narrow'] as const

const { values } = parseArgs({
  options: { data: { type: 'string' }, out: { type: 'string' }, check: { type: 'string' } },
})
const data = values.data ?? process.env.ATTUNE_DATA
if (!data) throw new Error('where is the data? --data DIR, or ATTUNE_DATA')
const file = values.out ?? packagePath('models', 'base', 'shops.json')
if (values.check) await check(data, values.check.split(','))
else await fit(data, file)

async function fit(from: string, to: string): Promise<void> {
  const situations = openEcommerceShops(from).flatMap((shop) =>
    (['time', 'last'] as const).flatMap((protocol) => [
      ...[1, 0.2, 0.05].map((share) => shareOfUsers(shop, protocol, { share, most: CASES })),
      ...[3, 10, 30, 100].map((users) => firstUsers(shop, protocol, users, CASES)),
    ]),
  )
  const answered: Answered[] = []
  for (const situation of situations) answered.push(...(await answeredCases(situation)))
  const allowed = [...COMPONENTS, ...COMPONENTS].map((name) => name !== 'network' && name !== 'again')
  const prior = allowed.map(() => 0)
  const fits = HALFWAYS.map((halfway) => {
    const choices = answered.map((one) => choiceOf(one, halfway))
    const coefficients = fitConditionalLogit(choices, { prior, pull: PULL, allowed })
    const loss = logitLoss(choices, coefficients)
    console.log(`halfway ${halfway}: loss ${loss.toFixed(4)}, ${coefficients.map((c) => c.toFixed(2)).join(' ')}`)
    return { halfway, coefficients, loss }
  })
  const best = fits.reduce((a, b) => (b.loss < a.loss ? b : a))
  const weights = (at: number) =>
    Object.fromEntries(COMPONENTS.map((name, c) => [name, Number(best.coefficients[at + c].toFixed(2))]))
  const blend = { sparse: weights(0), dense: weights(WIDTH), halfway: best.halfway }
  writeFileSync(to, `${JSON.stringify(blend, null, 2)}\n`)
  console.log(`wrote ${to}`)
}

interface Answered extends BlendCase {
  /** How often the history's items were seen. */
  support: number
  weight: number
}

/** The users of a situation whose answer any part ranks high. */
async function answeredCases({ name, parts, cases }: Situation): Promise<Answered[]> {
  // This blend weighs text by support / (support + 1) and nothing else: the support can be read off its weight.
  const standard = { sparse: noWeights(), dense: { ...noWeights(), text: 1 }, halfway: 1 }
  const found = (await blendCases({ parts, cases, defaults: { standard } })).none.standard.filter((one) => one.targets.length > 0)
  console.log(`${name}: ${found.length} of ${cases.length} users`)
  // Each situation counts alike, or the shops where answers are easy would speak for all; a handful of users does not count
  // like a crowd.
  const weight = 1 / Math.max(LEAST_ANSWERED, found.length)
  return found.map((one) => ({ ...one, support: one.prior.text / (1 - one.prior.text), weight }))
}

/** Each standard score twice: by how sparse, and by how dense the history's items are. */
function choiceOf({ scores, targets, support, weight }: Answered, halfway: number): Choice {
  const dense = support / (support + halfway)
  const features = new Float32Array(2 * scores.length)
  for (let row = 0; row < scores.length / WIDTH; row++) {
    for (let c = 0; c < WIDTH; c++) {
      const score = scores[row * WIDTH + c]
      features[2 * row * WIDTH + c] = score * (1 - dense)
      features[(2 * row + 1) * WIDTH + c] = score * dense
    }
  }
  return { features, targets, weight }
}

/** HR@10 and NDCG@10 in %, leave-one-out; the fitted blend's weights come from the event before the last. */
async function check(from: string, folders: string[]): Promise<void> {
  const standard = completeBlend(JSON.parse(readFileSync(file, 'utf8')) as Blend)
  for (const folder of folders) {
    const shop = readPracticeShop(from, folder)
    const test = shareOfUsers(shop, 'last', { most: CHECK_CASES })
    const earlier = shareOfUsers({ ...shop, histories: test.known }, 'last', { most: CASES })
    const fitting = (await blendCases({ ...earlier, defaults: { standard } })).none.standard
    const chosen = chooseBlend(fitting, standard)
    const alone = (name: ComponentName) => fixedBlend({ ...noWeights(), [name]: 1 })
    const methods: Method[] = [
      ...PARTS.map((name) => ({ name, blend: alone(name) })),
      { name: 'default', blend: standard },
      { name: 'fitted', blend: fixedBlend(fitWeights(fitting, PARTS)) },
      { name: 'chosen', blend: chosen.blend },
    ]
    const { methods: results } = await evaluate({ ...test, methods })
    const figure = (name: string) => {
      const { hitRate, ndcg } = results[name].metrics
      return `${name} ${(100 * hitRate.mean).toFixed(2)}/${(100 * ndcg.mean).toFixed(2)}`
    }
    console.log(`${folder}: ${methods.map(({ name }) => figure(name)).join(' | ')} (${chosen.kind})`)
  }
}
