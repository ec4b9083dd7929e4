import type { TextMatrix } from '../model/text-matrix.js'
import type { VersionReport } from '../registry/version-report.js'
import type { MethodResult } from './evaluate.js'
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
    overfitting: overfittingOf(candidate, gate.checks),
    forgetting: forgettingOf(gate.checks, champion && methods.champion ? 'champion' : 'base'),
    blend: { ...served.choice, withoutNetwork: trained.withoutNetwork.sparse },
    quality: { ...quality },
  }
  return { lineage: gate.serve === 'scratch' ? 'scratch' : trained.startedFrom, decision, reason, report }
}

function metricsOf({ metrics, lists, slices }: MethodResult) {
  return { ...metrics, ...lists, slices }
}

function curveOf({ fit }: Fitted) {
  const { curve, bestEpoch, bestValidation, steps, tokensPerSecond } = fit
  return { epochs: curve, bestEpoch, bestValidation, steps, tokensPerSecond: Math.round(tokensPerSecond) }
}

/** Training against validation: the gap at the epoch that was kept, and whether going on would have made it worse. */
function overfittingOf({ fit }: Fitted, checks: Check[]) {
  const check = checks.find(({ name }) => name === 'overfitting')
  const best = fit.curve.find(({ epoch }) => epoch === fit.bestEpoch)
  const last = fit.curve.at(-1)
  const gap = (at: typeof best) =>
    at?.trainLoss != null && at.validationLoss != null ? at.validationLoss - at.trainLoss : null
  return {
    bestEpoch: fit.bestEpoch,
    epochs: fit.curve.length - 1,
    gapAtBest: gap(best),
    gapAtLast: gap(last),
    overfits: check ? !check.passed : false,
    detail: check?.detail ?? 'no epoch was trained',
  }
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
