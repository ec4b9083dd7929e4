import { type BlendCase, defaultNdcg } from '../model/blend.js'
import { Counts } from '../model/counts.js'
import { type Blend, fixedBlend } from '../model/ensemble.js'
import type { Interaction } from '../model/history.js'
import type { Network } from '../model/network.js'
import { type ComponentName, noWeights } from '../model/ranking.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { atOnce } from '../platform/tensorflow.js'
import { type BaseModel, BASES } from '../tenants/base-models.js'
import { servedVersion, type ServedVersion } from './contender.js'
import { type EvaluatedNetwork, evaluate, type Evaluation, type Method, type MethodResult } from './evaluate.js'
import { decide, type Decision } from './gate.js'
import { awaySince, type Categories } from './metrics.js'
import { networkNdcg, trainingCases } from './network-quality.js'
import { type OldWindows, oldWindows } from './old-windows.js'
import type { Fitted, Trained, TrainingInput } from './pipeline.js'

export interface Judgement {
  decision: Decision
  users: number
  methods: Record<string, MethodResult>
  /** NDCG@10 of the served network by itself on what it learned from, and on the test window; null: switched off. */
  fit: { training: number; test: number } | null
  oldWindows: OldWindows
}

const only = (name: ComponentName): Blend => fixedBlend({ ...noWeights(), [name]: 1 })

// Enough to tell a network that knows its training data by heart, few enough to cost little, also where a case costs much.
const LEAST_TRAINING_USERS = 50
const TRAINING_SHARE = 0.2

/** How much of the judging is that of the version itself; the rest is the champion's. */
const OWN_SHARE = 0.6

/**
 * Judges the version, its twin, what is served now, the base and each single part on the same users of the test window,
 * with the counts of everything before it, and asks the gate.
 * @param categories of the dataset's items, for the calibration
 */
export async function judgeVersion(
  trained: Trained,
  { dataset, champion, base, job, seed }: Pick<TrainingInput, 'dataset' | 'champion' | 'base' | 'job' | 'seed'>,
  onProgress: (share: number) => void,
  categories?: Categories,
): Promise<Judgement> {
  const { split, text, lexical, candidate, twin, withoutNetwork, recipe } = trained
  const itemCount = dataset.itemIds.length
  const { published } = dataset
  const counts = Counts.from(split.beforeTest, itemCount, trained.counts)
  const parts = { itemCount, text, lexical, published, counts }
  const hasNetwork = !job.without?.includes('network')
  const networks = {
    ...(hasNetwork && { candidate: encoderOf(candidate.network, text) }),
    ...(twin && { scratch: encoderOf(twin.network, text) }),
  }
  const methods: Method[] = [
    { name: 'candidate', blend: candidate.choice.blend, network: 'candidate' },
    { name: 'blend without network', blend: withoutNetwork },
    { name: 'base', blend: base },
    { name: 'popular', blend: only('popular') },
    { name: 'recent', blend: only('recent') },
    { name: 'text', blend: only('text') },
    { name: 'lexical', blend: only('lexical') },
    { name: 'wide', blend: only('wide') },
    { name: 'narrow', blend: only('narrow') },
    { name: 'fresh', blend: only('fresh') },
    ...(hasNetwork ? [{ name: 'network', blend: only('network'), network: 'candidate' }] : []),
    ...(twin ? [{ name: 'from-scratch', blend: twin.choice.blend, network: 'scratch' }] : []),
  ]
  const served = champion && servedVersion(champion, dataset)
  const ownShare = served ? OWN_SHARE : 1
  const following = split.all && { histories: split.all, from: split.boundaries.testFrom }
  const shared = { cases: split.test, following, categories, away: awaySince(split.boundaries) }
  const own = await evaluate({
    ...shared,
    parts,
    networks,
    methods,
    onProgress: (share) => onProgress(share * ownShare),
  })
  const judged: Evaluation['methods'] = { ...own.methods }
  if (served) {
    const { methods: others } = await evaluate({
      ...shared,
      parts: { ...parts, text: served.text, counts: Counts.from(split.beforeTest, itemCount, served.counts) },
      networks: served.network ? { champion: encoderOf(served.network, served.text) } : {},
      methods: [{ name: 'champion', blend: served.blend, network: served.network ? 'champion' : undefined }],
      onProgress: (share) => onProgress(ownShare + share * (1 - ownShare)),
    })
    judged.champion = others.champion
  }
  const learningOf = ({ choice, fit: { curve, bestEpoch } }: Fitted) => ({
    networkCurve: curve,
    bestEpoch,
    // The other parts are the same in both.
    withoutNetwork: asksNetwork(choice.blend) ? judged['blend without network'].judged : null,
  })
  const decision = decide({
    candidate: judged.candidate.judged,
    champion: judged.champion?.judged ?? null,
    base: judged.base.judged,
    popular: judged.popular.judged,
    recent: judged.recent.judged,
    // Where neither network is served the two differ by chance only: there is nothing to learn from holding them together.
    scratch: [candidate, twin].some((one) => one && asksNetwork(one.choice.blend))
      ? (judged['from-scratch']?.judged ?? null)
      : null,
    withoutTwin: !hasNetwork
      ? 'the settings switch the network off'
      : twin
        ? 'neither its blend nor that of its twin has a network, so that they differ by chance only'
        : `no twin was trained (${recipe.reasons.twin})`,
    ...learningOf(candidate),
    twin: twin && learningOf(twin),
    slices: own.slices,
  })
  const told = { decision, users: own.users, methods: judged }
  if (!hasNetwork) return { ...told, fit: null, oldWindows: { withoutWindows: 'the settings switch the network off' } }
  const hides = Uint8Array.from(dataset.eventTypes, ({ name }) => (dataset.hiddenAfter.includes(name) ? 1 : 0))
  const asked = Math.max(LEAST_TRAINING_USERS, Math.floor(TRAINING_SHARE * split.test.length))
  const learned = trainingCases(split.train, dataset.eventTypes, hides, asked)
  const { network } = servedOf(trained, decision)
  const fit = {
    training: networkNdcg(network, text, learned),
    test: network === candidate.network ? judged.network.metrics.ndcg.mean : networkNdcg(network, text, split.test),
  }
  return { ...told, fit, oldWindows: windowsOf(trained, { dataset, champion, seed }, decision, served, hides) }
}

/** @param served the champion in today's index space; null where there is none, or none that can be asked */
function windowsOf(
  trained: Trained,
  { dataset, champion, seed }: Pick<TrainingInput, 'dataset' | 'champion' | 'seed'>,
  decision: Decision,
  served: ServedVersion | null,
  hides: Uint8Array,
): OldWindows {
  const { network, choice } = servedOf(trained, decision)
  if (!champion) return { withoutWindows: 'no version was served before: there is no network to compare with' }
  if (!served) return { withoutWindows: 'what was served before is for text vectors of another length' }
  if (!served.network) return { withoutWindows: 'what was served before has no network' }
  if (!asksNetwork(choice.blend)) return { withoutWindows: 'its blend does without a network' }
  const { beforeTest: histories } = trained.split
  const ground = { histories, types: dataset.eventTypes, hides, knownUntil: champion.trainedUntil, seed }
  const windows = oldWindows(ground, { network: served.network, text: served.text }, { network, text: trained.text })
  return windows.length > 0
    ? { windows }
    : { withoutWindows: 'no user is left with two moments in the time that the one before learned from' }
}

/** Whose network and blend the version has: the twin's where that is served, else the candidate's. */
export const servedOf = ({ candidate, twin }: Pick<Trained, 'candidate' | 'twin'>, { serve }: Decision): Fitted =>
  serve === 'scratch' && twin ? twin : candidate

/** Whether the network has any weight in a blend. */
export const asksNetwork = ({ sparse, dense }: Blend) => sparse.network > 0 || dense.network > 0

/** A network as evaluation asks it. */
export function encoderOf(network: Network, text: TextMatrix): EvaluatedNetwork {
  const vectors = atOnce(() => network.itemVectors(text))
  const encode = (histories: Interaction[][], asked: number[]) =>
    atOnce(() => network.encode(histories, vectors, asked))
  return { width: network.config.width, vectors, encode }
}

/**
 * Default blends towards which few users leave the weights, by name: those of all bases for a first run that may choose,
 * else one, under the name that the tenant goes by.
 * @param last of the version that is gone on from: it was fitted on more of the tenant's users than there are new ones
 */
export function defaultsOf(
  { base, bases = {}, job }: Pick<TrainingInput, 'base' | 'bases' | 'job'>,
  last?: Blend,
): Record<string, Blend> {
  const choices = BASES.flatMap((name) => (bases[name] ? [[name, bases[name]] as const] : []))
  return last || choices.length < 2 ? { [job.baseModel ?? 'default']: last ?? base } : Object.fromEntries(choices)
}

/**
 * The default blend that ranks best for validation users, with nothing trained; the tenant's where nobody can be asked.
 * @param cases by name of the default blend
 */
export function fittingBase(
  defaults: Record<string, Blend>,
  cases: Record<string, BlendCase[]>,
  { base, job }: Pick<TrainingInput, 'base' | 'job'>,
): { name: BaseModel; blend: Blend; reasons: Record<string, string> } {
  const names = Object.keys(defaults) as BaseModel[]
  const asked = cases[names[0]].length
  if (names.length === 1) return { name: names[0], blend: defaults[names[0]], reasons: {} }
  if (asked === 0) return { name: job.baseModel ?? 'default', blend: base, reasons: {} }
  const ndcg = (name: BaseModel) => defaultNdcg(cases[name])
  const name = names.reduce((best, one) => (ndcg(one) > ndcg(best) ? one : best))
  const figures = names.map((one) => `${one} ${(100 * ndcg(one)).toFixed(2)}`).join(', ')
  const reason = `${name}: NDCG@10 in % of the untrained default blends on ${asked} validation users: ${figures}`
  return { name, blend: defaults[name], reasons: { base: reason } }
}
