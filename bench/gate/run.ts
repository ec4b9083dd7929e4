import type { Histories } from '../../src/model/history.js'
import { whitenAll } from '../../src/model/text-space.js'
import type { VersionFile } from '../../src/model/version-file.js'
import type { Engine } from '../../src/platform/tensorflow.js'
import { shippedBlend, shippedBlends, shippedPrior } from '../../src/registry/shipped-base.js'
import type { Dataset } from '../../src/training/dataset.js'
import type { FitOptions } from '../../src/training/fit.js'
import type { Check } from '../../src/training/check.js'
import { judgeVersion } from '../../src/training/judgement.js'
import { train, type TrainingInput, trainVersion } from '../../src/training/pipeline.js'
import { ProgressMeter } from '../../src/training/progress-meter.js'
import { chooseRecipe } from '../../src/training/recipe.js'
import type { StartFrom } from '../../src/training/run.js'
import { type Split, splitByTime, type SplitOptions } from '../../src/training/split.js'

export interface Candidate {
  dataset: Dataset
  champion: VersionFile | null
  from: StartFrom
  seed: number
  engine: Engine
  /** Whether the from-scratch twin is trained where the recipe has one. */
  twin: boolean
  /** At most so many. */
  epochs: number
  /** What the run learns from in place of what it is judged by. */
  spoiled?: {
    dataset?: Dataset
    split?: (split: Split, histories: Histories, options: SplitOptions) => Split
  }
  splitBy?: TrainingInput['splitBy']
  recipeBy?: typeof chooseRecipe
}

export interface Verdict {
  promoted: boolean
  serve: string
  reason: string
  checks: Check[]
  users: number
  /** NDCG@10, 0 to 1. */
  ndcg: { candidate: number; champion: number | null }
  /** What the candidate's blend is. */
  kind: string
  epochs: number
  seconds: number
  version: VersionFile | null
}

/** Trains a candidate as a run does and asks the gate. */
export async function run(candidate: Candidate): Promise<Verdict> {
  const { dataset, champion, from, seed, engine, spoiled, splitBy, recipeBy = chooseRecipe } = candidate
  const startedAt = performance.now()
  const input: TrainingInput = {
    dataset,
    champion,
    prior: shippedPrior(),
    base: shippedBlend(),
    bases: shippedBlends(),
    job: { from, backend: engine, threads: 1, now: dataset.events.times[dataset.events.times.length - 1] },
    engine,
    seed,
    splitBy,
    recipeBy: (shape, of) => {
      const recipe = recipeBy(shape, of)
      const short = (options: FitOptions): FitOptions => ({
        ...options,
        epochs: Math.min(options.epochs, candidate.epochs),
      })
      const twin = candidate.twin && recipe.twin ? short(recipe.twin) : null
      return { ...recipe, options: short(recipe.options), twin }
    },
    say: () => undefined,
  }
  const seconds = () => (performance.now() - startedAt) / 1000
  if (spoiled) {
    const { trained, judgement } = await spoiledRun(input, spoiled)
    const { decision, methods, users } = judgement
    return {
      promoted: decision.promote,
      serve: decision.serve,
      reason: decision.reason,
      checks: decision.checks,
      users,
      ndcg: { candidate: methods.candidate.metrics.ndcg.mean, champion: methods.champion?.metrics.ndcg.mean ?? null },
      kind: trained.candidate.choice.kind,
      epochs: trained.candidate.fit.bestEpoch,
      seconds: seconds(),
      version: null,
    }
  }
  const { version, result } = await trainVersion(input)
  const { gate, metrics, counts, blend, overfitting } = result.report as unknown as Report
  return {
    promoted: result.decision === 'passed',
    serve: gate.serve,
    reason: result.reason,
    checks: gate.checks,
    users: counts.judgedOn,
    ndcg: { candidate: metrics.candidate.ndcg.mean, champion: metrics.champion?.ndcg.mean ?? null },
    kind: blend.kind,
    epochs: overfitting.bestEpoch,
    seconds: seconds(),
    version,
  }
}

/** The parts of a version's report that are told here. */
interface Report {
  gate: { serve: string; checks: Check[] }
  metrics: Record<string, { ndcg: { mean: number } } | undefined> & { candidate: { ndcg: { mean: number } } }
  counts: { judgedOn: number }
  blend: { kind: string }
  overfitting: { bestEpoch: number }
}

/**
 * The same as `trainVersion`, but that what is learned from is not what is judged by: the events that a tenant is served by
 * and asked about stay honest, as does the catalogue.
 */
async function spoiledRun(input: TrainingInput, { dataset: read, split: spoil }: NonNullable<Candidate['spoiled']>) {
  let honest: Split | undefined
  const splitBy = (histories: Histories, options: SplitOptions) => {
    honest = splitByTime(histories, options)
    return spoil ? spoil(honest, histories, options) : honest
  }
  const learnt = { ...input, splitBy, ...(read && { dataset: read }) }
  const trained = await train(learnt, new ProgressMeter(() => undefined))
  const text = whitenAll(trained.textSpace, input.dataset.vectors)
  const judgement = await judgeVersion({ ...trained, split: honest!, text }, input, () => undefined)
  return { trained, judgement }
}
