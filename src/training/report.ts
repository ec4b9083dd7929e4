import type { TextMatrix } from '../model/text-matrix.js'
import type { VersionReport } from '../registry/version-report.js'
import type { MethodResult } from './evaluate.js'
import type { EpochResult } from './fit-watch.js'
import type { Check } from './gate.js'
import type { Judgement } from './judgement.js'
import type { Fitted, Trained, TrainingInput } from './pipeline.js'
import type { Result } from './training-job.js'

/** Everything that an operator may want to know of a version later, as plain JSON. */
export function reportOf(input: TrainingInput, trained: Trained, judgement: Judgement, seconds: number): Result {
  const { dataset, engine, seed, champion } = input
  const { split, recipe, candidate, twin, quality, counts } = trained
  const { decision: gate, methods } = judgement
  const decision = gate.promote ? 'passed' : 'rejected'
  // Whether it is promoted is not the gate's to say: the tenant may want to do that by hand.
  const reason = gate.reason.replace(/^Promoted: /, 'Passed: ')
  const served = gate.serve === 'scratch' && twin ? twin : candidate
  const { from, validationFrom, testFrom, to } = split.boundaries
  const report: VersionReport = {
    engine,
    seed,
    seconds: Number(seconds.toFixed(1)),
    dataWindow: { from: day(from), validationFrom: day(validationFrom), testFrom: day(testFrom), to: day(to) },
    counts: {
      events: quality.kept,
      users: quality.users,
      items: dataset.itemIds.length,
      itemsWithText: itemsWithText(trained.text),
      trainedOn: split.train.items.length,
      validatedOn: split.validation.stopping.length,
      blendedOn: split.validation.blending.length,
      judgedOn: judgement.users,
    },
    cutoff: 10,
    metrics: Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, metricsOf(method)])),
    gate: { decision, reason, serve: gate.serve, checks: gate.checks.map((check) => ({ ...check })) },
    recipe: {
      startedFrom: trained.startedFrom,
      served: gate.serve === 'scratch' ? 'from-scratch' : 'fine-tuned',
      network: recipe.config,
      options: recipe.options,
      twin: recipe.twin,
      reasons: recipe.reasons,
      halfLifeHours: counts.halfLife / 3_600_000,
    },
    curves: { candidate: curveOf(candidate), ...(twin && { 'from-scratch': curveOf(twin) }) },
    overfitting: { ...overfittingOf(candidate, gate.checks), ndcg: ndcgOf(candidate, judgement) },
    forgetting: forgettingOf(gate.checks, champion && methods.champion ? 'champion' : 'base'),
    calibration: calibrationNote(methods.candidate),
    blend: { ...served.choice, withoutNetwork: trained.withoutNetwork.sparse },
    quality: { ...quality },
  }
  return {
    lineage: gate.serve === 'scratch' ? 'scratch' : trained.startedFrom,
    baseModel: trained.baseModel,
    decision,
    reason,
    report,
  }
}

function metricsOf({ metrics, at, lists, calibration, slices }: MethodResult) {
  return { ...metrics, at, ...lists, calibration, slices }
}

function calibrationNote({ calibration }: MethodResult): string {
  return calibration
    ? `divergence of the first ten from the categories of the history, over ${calibration.users} users; 0 is the same mix`
    : 'not told: no history has an item with a category'
}

function curveOf({ fit }: Fitted) {
  const { curve, bestEpoch, bestValidation, steps, tokensPerSecond } = fit
  const epochs = curve.map((epoch) => ({ ...epoch, gap: gapOf(epoch), ndcgGap: ndcgGapOf(epoch) }))
  return { epochs, bestEpoch, bestValidation, steps, tokensPerSecond: Math.round(tokensPerSecond) }
}

/** Training against validation: the gap at the epoch that was kept, and whether going on would have made it worse. */
function overfittingOf({ fit }: Fitted, checks: Check[]) {
  const check = checks.find(({ name }) => name === 'overfitting')
  const best = fit.curve.find(({ epoch }) => epoch === fit.bestEpoch)
  const last = fit.curve.at(-1)
  return {
    bestEpoch: fit.bestEpoch,
    epochs: fit.curve.length - 1,
    gapAtBest: gapOf(best),
    gapAtLast: gapOf(last),
    ndcgGapAtStart: ndcgGapOf(fit.curve[0]),
    ndcgGapAtBest: ndcgGapOf(best),
    ndcgGapAtLast: ndcgGapOf(last),
    overfits: check ? !check.passed : false,
    detail: check?.detail ?? 'no epoch was trained',
  }
}

/** How much higher the loss is on held-out events than on those it learns from; these have dropout, so it may begin below zero. */
const gapOf = (epoch: EpochResult | undefined): number | null =>
  epoch?.trainLoss != null && epoch.validationLoss != null ? epoch.validationLoss - epoch.trainLoss : null

/**
 * How much better it ranks for users as they were learned from than for those of validation. They are other users at other
 * times, so it need not begin at zero: its growth is what is known by heart.
 */
const ndcgGapOf = (epoch: EpochResult | undefined): number | null =>
  epoch?.trainNdcg != null && epoch.validationNdcg != null ? epoch.trainNdcg - epoch.validationNdcg : null

/** The network by itself on users it learned from, on those that stopped it, and later: what is lost is known by heart or has changed. */
function ndcgOf({ fit: { bestValidation } }: Fitted, { fit }: Judgement) {
  if (!fit) return null
  const { training, test } = fit
  return { training, validation: bestValidation, test, gap: training - test }
}

/** What each kind of user and item has gained or lost against what is served. */
function forgettingOf(checks: Check[], against: 'champion' | 'base') {
  const slices = checks
    .filter(({ name }) => name.startsWith('keeps '))
    .map(({ name, passed, detail, figures }) => [name.slice('keeps '.length), { passed, detail, ...figures }] as const)
  return { against, slices: Object.fromEntries(slices) }
}

function itemsWithText(text: TextMatrix): number {
  let count = 0
  for (let item = 0; item < text.items; item++) if (!text.isEmpty(item)) count++
  return count
}

const day = (at: number) => new Date(at).toISOString()
