// Tries three more starts for a tenant's network, on shops that none of them has seen:
//
//   npm run build && node dist/scripts/models/axis-free.js --data DIR [--share 0.2] [--epochs 8] [--users 500] [--on SET,SET]
//
// - rotated: a transformer pre-trained on departments of Open e-commerce (no books), over text axes that are turned onto one
//   reference by the nearest rotation. A rotation leaves products alone: the text recommender stays exactly as it is.
// - meta: the same by Reptile (Nichol et al. 2018) over the same departments, each time under a new random rotation, so that
//   only what needs no axes can be learned: recency, time gaps, attention by likeness.
// - residuals: no transformer; an item starts moved towards the texts of what is had with it, by how often it was seen. How
//   far is chosen on Open e-commerce.
// DIR (or ATTUNE_DATA) holds open-ecommerce, open-ecommerce-core and the sets to judge on. About half an hour on one core.
import { parseArgs } from 'node:util'
import { fixedBlend } from '../../src/model/ensemble.js'
import { Network } from '../../src/model/network.js'
import { Random } from '../../src/model/random.js'
import { COMPONENTS, noWeights } from '../../src/model/ranking.js'
import type { NamedArrays } from '../../src/model/tensor-file.js'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'
import { principalAxes } from '../../src/model/text-space.js'
import { startFromScratch, startFromText } from '../../src/model/weights.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { shippedBlend } from '../../src/registry/shipped-base.js'
import { chooseBlend } from '../../src/model/blend.js'
import { blendCases, type EvaluatedNetwork, evaluate, type Method } from '../../src/training/evaluate.js'
import { type FitResult, fromScratch } from '../../src/training/fit.js'
import { fitNetwork, shapeOf } from '../../src/training/fitting.js'
import { encoderOf } from '../../src/training/judgement.js'
import { pairedDifference } from '../../src/training/metrics.js'
import { networkNdcg } from '../../src/training/network-quality.js'
import { chooseRecipe } from '../../src/training/recipe.js'
import { leaveOneOut } from '../../src/training/split.js'
import {
  CONFIG,
  departmentsOf,
  nearest,
  pretrain,
  rotation,
  type Shop,
  turned,
  WIDTH,
  withoutTime,
  withResiduals,
  withSequence,
} from './network-starts.js'
import { openEcommerceShops } from './practice-shops.js'
import { percent, pooled, readTenant, shareOf, signed, type Tenant, tenantFrom } from './trial-tenants.js'

const EVALUATED = ['deskdrop-events', 'wikispeedia', 'amazon-beauty-kw', 'online-retail', 'yelp-s3rec']
const REPTILE = 0.5
const REACHES = [0.25, 0.5, 1, 2]
const HALFWAYS = [10]

type Start = 'scratch' | 'base' | 'rotated' | 'meta' | 'residuals'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    share: { type: 'string', default: '0.2' },
    epochs: { type: 'string', default: '8' },
    users: { type: 'string', default: '500' },
    on: { type: 'string', default: EVALUATED.join() },
    starts: { type: 'string', default: 'scratch,base,rotated,meta,residuals' },
    seed: { type: 'string', default: '1' },
  },
})
const data = values.data ?? process.env.ATTUNE_DATA
if (!data) throw new Error('where is the data? --data DIR, or ATTUNE_DATA')
const { backend: engine } = await startTensorflow('auto')
const seed = Number(values.seed)
await main(data, values.starts.split(',') as Start[])

async function main(from: string, starts: Start[]): Promise<void> {
  const shops = openEcommerceShops(from).slice(0, 2)
  const kinds = shops[1]
  const reference = principalAxes(kinds.text, TEXT_LENGTH, WIDTH)
  const practice = [...shops, ...departmentsOf(kinds)].flatMap((shop) => [shop, withoutTime(shop)])
  const learned: Partial<Record<Start, NamedArrays>> = {}
  const random = new Random(seed)
  if (starts.includes('rotated'))
    learned.rotated = await pretrain('rotated', practice, (axes) => nearest(axes, reference), {
      stride: 1,
      residualShare: 0,
      seed,
    })
  if (starts.includes('meta'))
    learned.meta = await pretrain('meta', practice, (axes) => turned(axes, rotation(random)), {
      stride: REPTILE,
      residualShare: 1,
      seed,
    })
  const reach = starts.includes('residuals') ? chooseReach(shops) : { reach: 0, halfway: 1 }
  const differences: Record<string, { mean: number; low: number; high: number }[]> = {}
  const rows: string[] = []
  for (const set of values.on.split(',')) {
    const tenant = readTenant(from, set, { share: Number(values.share), seed, engine, users: Number(values.users) })
    await compare(tenant, starts, learned, reference, reach, rows, differences)
  }
  console.log(
    `\n| shop | start | untuned | fine-tuned | in the blend | steps to its best | to from-scratch's best |\n` +
      `|---|---|---|---|---|---|---|\n${rows.join('\n')}\n`,
  )
  for (const [name, list] of Object.entries(differences))
    console.log(`${name}: mean ${signed(pooled(list))}; ${list.map(signed).join('; ')}`)
}

async function compare(
  { name: set, ground, learning, testing }: Tenant,
  starts: Start[],
  learned: Partial<Record<Start, NamedArrays>>,
  reference: Float32Array,
  { reach, halfway }: { reach: number; halfway: number },
  rows: string[],
  differences: Record<string, { mean: number; low: number; high: number }[]>,
): Promise<void> {
  const { text, itemCount, split, typeWeights } = ground
  const shape = shapeOf(split.train)
  const recipe = chooseRecipe(
    { ...shape, items: itemCount, textLength: TEXT_LENGTH, typeWeights, engine, start: 'text' },
    seed,
  )
  const config = { ...CONFIG, dropout: recipe.config.dropout }
  const options = { ...recipe.options, epochs: Math.min(recipe.options.epochs, Number(values.epochs)) }
  const axes = principalAxes(text, TEXT_LENGTH, WIDTH)
  const base = (over: Float32Array) => startFromText(config, over, itemCount, seed, (item) => text.isEmpty(item))
  const make: Record<Start, () => NamedArrays> = {
    scratch: () => startFromScratch(config, itemCount, seed),
    base: () => base(axes),
    rotated: () => withSequence(base(nearest(axes, reference)), learned.rotated!),
    meta: () => withSequence(base(axes), learned.meta!),
    residuals: () => withResiduals(base(axes), text, learning.counts, reach, halfway),
  }
  const networks: Record<string, EvaluatedNetwork> = {}
  const fits: Partial<Record<Start, FitResult>> = {}
  for (const start of starts) {
    const arrays = make[start]()
    networks[`${start}, untuned`] = encoderOf(Network.fromArrays(config, arrays), text)
    const { network, result } = await fitNetwork(
      ground,
      { config },
      arrays,
      start === 'scratch' ? fromScratch(options) : options,
      {},
    )
    fits[start] = result
    networks[start] = encoderOf(network, text)
    console.error(
      `${set}, ${start}: ${result.curve.map((one) => percent(one.validationNdcg ?? 0)).join(' ')}; ${result.steps} steps, ${Math.round(result.tokensPerSecond)} tokens/s`,
    )
  }
  if (learned.rotated)
    networks['not turned'] = encoderOf(Network.fromArrays(config, withSequence(base(axes), learned.rotated)), text)
  const standard = shippedBlend()
  const alone = (name: 'network' | 'text' | 'wide' | 'narrow') => fixedBlend({ ...noWeights(), [name]: 1 })
  const methods: Method[] = [
    { name: 'text mean', blend: alone('text') },
    { name: 'wide', blend: alone('wide') },
    { name: 'narrow', blend: alone('narrow') },
    { name: 'shipped blend', blend: standard },
    ...Object.keys(networks).map((network) => ({ name: network, blend: alone('network'), network })),
  ]
  for (const start of starts) {
    const found = await blendCases({
      parts: learning,
      networks: { [start]: networks[start] },
      cases: split.validation.blending,
      defaults: { standard },
    })
    const cases = found[start].standard
    if (start === starts[0])
      methods.push({
        name: 'blend without network',
        blend: chooseBlend(
          cases.map((one) => ({ ...one, scores: one.scores.map((z, i) => (i % COMPONENTS.length === 0 ? 0 : z)) })),
          standard,
        ).blend,
      })
    methods.push({ name: `${start}, blend`, blend: chooseBlend(cases, standard).blend, network: start })
  }
  const { methods: judged } = await evaluate({ parts: testing, networks, cases: split.test, methods })
  const figure = (name: string) => {
    const { mean, low, high } = judged[name].metrics.ndcg
    return `${percent(mean)} (${percent(low)} to ${percent(high)})`
  }
  for (const name of ['text mean', 'wide', 'narrow', 'shipped blend', 'blend without network'])
    rows.push(`| ${set} | ${name} | ${figure(name)} | - | - | - | - |`)
  if (judged['not turned']) rows.push(`| ${set} | rotated, not turned | ${figure('not turned')} | - | - | - | - |`)
  const goal = fits.scratch?.bestValidation ?? Infinity
  for (const start of starts) {
    const { curve, bestEpoch, steps } = fits[start]!
    const perEpoch = steps / Math.max(1, curve.length - 1)
    const reached = curve.findIndex(({ validationNdcg }) => (validationNdcg ?? 0) >= goal)
    rows.push(
      `| ${set} | ${start} | ${figure(`${start}, untuned`)} | ${figure(start)} | ${figure(`${start}, blend`)} | ` +
        `${Math.round(bestEpoch * perEpoch)} | ${reached < 0 ? 'never' : Math.round(reached * perEpoch)} |`,
    )
  }
  const note = (name: string, a: string, b: string) =>
    (differences[name] ??= []).push(pairedDifference(judged[a].judged.ndcg, judged[b].judged.ndcg))
  for (const start of starts.filter((one) => one !== 'scratch' && one !== 'base')) {
    note(`${start}, untuned - base, untuned`, `${start}, untuned`, 'base, untuned')
    note(`${start} - base, fine-tuned`, start, 'base')
    note(`${start} - base, in the blend`, `${start}, blend`, 'base, blend')
  }
  for (const start of starts) note(`${start}, blend - blend without network`, `${start}, blend`, 'blend without network')
  console.log(rows.slice(-starts.length - 6).join('\n'))
}

/** The reach that ranks best, untrained, what users of the practice shops had next. */
function chooseReach(shops: Shop[]): { reach: number; halfway: number } {
  let best = { reach: 0, halfway: 1, ndcg: 0 }
  const tenants = shops.map(({ name, text, itemCount, histories }) => {
    const split = shareOf(leaveOneOut(histories, { users: 300, seed: 1 }), 1)
    return tenantFrom(name, { split, text, itemCount, seed, engine })
  })
  for (const reach of [0, ...REACHES])
    for (const halfway of reach === 0 ? [1] : HALFWAYS) {
      const ndcgs = tenants.map(({ ground: { text, itemCount, split }, testing }) => {
        const start = startFromText(CONFIG, principalAxes(text, TEXT_LENGTH, WIDTH), itemCount, seed)
        const arrays = withResiduals(start, text, testing.counts, reach, halfway)
        return networkNdcg(Network.fromArrays(CONFIG, arrays), text, split.test)
      })
      const ndcg = ndcgs.reduce((sum, one) => sum + one, 0) / ndcgs.length
      console.log(`residuals, reach ${reach}, halfway at ${halfway}: ${ndcgs.map(percent).join(' ')}`)
      if (ndcg > best.ndcg) best = { reach, halfway, ndcg }
    }
  return best
}
