import { setImmediate } from 'node:timers/promises'
import { blendCase, type BlendCase } from '../model/blend.js'
import { type Blend, Ensemble, type EnsembleParts, type NetworkVectors } from '../model/ensemble.js'
import type { Interaction } from '../model/history.js'
import { combine, type Eligible, noWeights, standardise, type StandardScores, topK } from '../model/ranking.js'
import {
  bootstrapInterval,
  headItems,
  type Interval,
  judge,
  type Judged,
  type ListQuality,
  listQuality,
  METRICS,
  type Slice,
  SLICES,
  slicesOf,
} from './metrics.js'
import type { Case } from './split.js'

export interface EvaluatedNetwork extends NetworkVectors {
  /** One vector per history, [histories, width]. */
  encode: (histories: Interaction[][]) => Float32Array
}

export interface Method {
  name: string
  blend: Blend
  /** Which of the networks gives its `network` component; without one it has none. */
  network?: string
}

/** What all methods of one window share: the counts must hold nothing from the window on. */
export interface EvaluationInput {
  parts: Omit<EnsembleParts, 'network' | 'blend'>
  networks?: Record<string, EvaluatedNetwork>
  cases: Case[]
  /** [items], 1 where an item may be recommended; all when absent */
  available?: Uint8Array
  /** Called with the share of the cases done, 0 to 1. */
  onProgress?: (share: number) => void
  signal?: AbortSignal
}

export interface MethodResult {
  /** By case, in their order. */
  judged: Judged
  metrics: Record<(typeof METRICS)[number], Interval>
  lists: ListQuality
  slices: Record<Slice, { users: number; ndcg: Interval }>
}

export interface Evaluation {
  users: number
  methods: Record<string, MethodResult>
  /** The cases of each slice, by their place. */
  slices: Record<Slice, Uint32Array>
}

const CUTOFF = 10
// A network encodes many histories at once far faster than one by one; between batches others get their turn.
const BATCH = 32
const EVERYTHING = { network: 0, text: 1, wide: 1, narrow: 1, popular: 1, recent: 1 }

/**
 * Ranks the whole catalogue for every case by every method and judges the first ten. Each component is computed once a
 * case, by the code that serves, whichever methods use it.
 * @throws the signal's reason when it is aborted
 */
export async function evaluate(input: EvaluationInput & { methods: Method[] }): Promise<Evaluation> {
  const { parts, cases, methods } = input
  const { itemCount, counts } = parts
  const weigher = new Ensemble({ ...parts, blend: NO_BLEND })
  const lists = new Map<string, number[][]>(methods.map(({ name }) => [name, []]))
  await forEachCase(input, (one, shared, networks, eligible) => {
    for (const { name, blend, network } of methods) {
      const scores = { ...shared, network: network === undefined ? undefined : networks[network] }
      const ranked = combine(scores, weigher.weights(one.history, blend), itemCount, eligible)
      lists.get(name)!.push(topK(ranked, CUTOFF, eligible))
    }
  })

  const popularity = Float32Array.from({ length: itemCount }, (_, item) => counts.seen(item))
  const users = new Set(cases.map(({ user }) => user)).size
  const slices = sliceCases(cases, popularity)
  const targets = cases.map((one) => new Set(one.targets))
  const results = methods.map(({ name }): [string, MethodResult] => {
    const judged = judge(lists.get(name)!, targets, CUTOFF)
    return [
      name,
      {
        judged,
        metrics: Object.fromEntries(METRICS.map((metric) => [metric, bootstrapInterval(judged[metric])])) as Record<
          (typeof METRICS)[number],
          Interval
        >,
        lists: listQuality(lists.get(name)!, popularity),
        slices: Object.fromEntries(
          SLICES.map((slice) => [
            slice,
            {
              users: slices[slice].length,
              ndcg: bootstrapInterval(Float32Array.from(slices[slice], (at) => judged.ndcg[at])),
            },
          ]),
        ) as MethodResult['slices'],
      },
    ]
  })
  return { users, methods: Object.fromEntries(results), slices }
}

/**
 * What `chooseBlend` fits on, from validation users.
 * @param network which of the networks takes part; none when absent
 * @param standard the default blend, towards which few users leave the weights
 */
export async function blendCases(input: EvaluationInput & { network?: string; standard: Blend }): Promise<BlendCase[]> {
  const weigher = new Ensemble({ ...input.parts, blend: input.standard })
  const cases: BlendCase[] = []
  await forEachCase(input, (one, shared, networks, eligible) => {
    const scores = { ...shared, network: input.network === undefined ? undefined : networks[input.network] }
    cases.push(blendCase(scores, one.targets, weigher.weights(one.history), eligible))
  })
  return cases
}

const NO_BLEND: Blend = { sparse: noWeights(), dense: noWeights(), halfway: 1 }

type Visit = (
  one: Case,
  shared: StandardScores,
  networks: Record<string, Float32Array | undefined>,
  eligible: Eligible,
) => void

async function forEachCase(input: EvaluationInput, visit: Visit): Promise<void> {
  const { parts, cases, signal } = input
  const shared = new Ensemble({ ...parts, blend: NO_BLEND })
  const networks = Object.entries(input.networks ?? {}).map(([name, network]) => ({
    name,
    network,
    ensemble: new Ensemble({ ...parts, network, blend: NO_BLEND }),
  }))
  const eligible = new Uint8Array(parts.itemCount)
  for (let from = 0; from < cases.length; from += BATCH) {
    await setImmediate()
    signal?.throwIfAborted()
    const batch = cases.slice(from, from + BATCH)
    const histories = batch.map(({ history }) => history)
    const users = networks.map(({ network }) => network.encode(histories))
    batch.forEach((one, index) => {
      if (input.available) eligible.set(input.available.subarray(0, parts.itemCount))
      else eligible.fill(1)
      for (const item of one.hidden) eligible[item] = 0
      const standard: Record<string, Float32Array | undefined> = {}
      networks.forEach(({ name, network, ensemble }, n) => {
        // An empty history has no user vector; zeros would be one.
        if (one.history.length === 0) return
        const user = users[n].subarray(index * network.width, (index + 1) * network.width)
        const raw = ensemble.component('network', one.history, one.at, user)
        standard[name] = (raw && standardise(raw, eligible)) ?? undefined
      })
      visit(one, shared.standardScores(one.history, one.at, eligible, EVERYTHING), standard, eligible)
    })
    input.onProgress?.(Math.min(1, (from + BATCH) / cases.length))
  }
}

function sliceCases(cases: Case[], popularity: Float32Array): Record<Slice, Uint32Array> {
  const head = headItems(popularity)
  const found = cases.map((one) => new Set(slicesOf(one, popularity, head)))
  return Object.fromEntries(
    SLICES.map((slice) => [slice, Uint32Array.from(found.keys()).filter((at) => found[at].has(slice))]),
  ) as Record<Slice, Uint32Array>
}
