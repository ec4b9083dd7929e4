import { Counts } from '../../src/model/counts.js'
import { fixedBlend } from '../../src/model/ensemble.js'
import { evidenceOf, type EventColumns, type Histories } from '../../src/model/history.js'
import { LexicalIndex } from '../../src/model/lexical-index.js'
import { noWeights } from '../../src/model/ranking.js'
import type { VersionFile } from '../../src/model/version-file.js'
import type { Engine } from '../../src/platform/tensorflow.js'
import { shippedBlend, shippedBlends, shippedPrior } from '../../src/registry/shipped-base.js'
import { servedVersion } from '../../src/training/contender.js'
import type { Dataset } from '../../src/training/dataset.js'
import { evaluate } from '../../src/training/evaluate.js'
import { refitNetwork } from '../../src/training/fitting.js'
import { asksNetwork, encoderOf } from '../../src/training/judgement.js'
import { train, type Trained } from '../../src/training/pipeline.js'
import { ProgressMeter, type Stage } from '../../src/training/progress-meter.js'
import { chooseRecipe } from '../../src/training/recipe.js'
import { type Case, splitByTime, type SplitOptions } from '../../src/training/split.js'
import type { Log } from '../gate/shop.js'

/** A version that was trained on all events before a moment, and what that took. */
export interface Made {
  version: VersionFile
  /** Cases of what comes after the moment, and what was known before it. */
  test: Case[]
  known: Histories
  /** CPU seconds of the network's own: fitting and going on with the validation's events. */
  fitting: number
  /** CPU seconds of all up to the judging. */
  whole: number
  steps: number
  bestEpoch: number
  epochs: number
  /** What kind of blend is served, and whether the network has a say in it. */
  kind: string
  asksNetwork: boolean
}

export interface Task {
  /** Events up to the end of the window that is asked about, and the items that had one by then. */
  dataset: Dataset
  /** Milliseconds since 1970: nothing from here on is learned from. */
  moment: number
  /** The version to go on from; null: the base. */
  from: VersionFile | null
  seed: number
  engine: Engine
}

/** What `splitByTime` takes for each of its later windows. */
const SHARE = 0.1

/** Of this process's CPU, all threads: what else runs on the machine does not change the ratio of two of them. */
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Notes how long each stage took. */
class Stopwatch extends ProgressMeter {
  readonly seconds: Partial<Record<Stage, number>> = {}
  private current: Stage = 'cleaning'
  private since = cpuSeconds()

  override enter(stage: Stage, detail: string): void {
    this.stop()
    this.current = stage
    super.enter(stage, detail)
  }

  stop(): void {
    const now = cpuSeconds()
    this.seconds[this.current] = (this.seconds[this.current] ?? 0) + now - this.since
    this.since = now
  }
}

/**
 * Trains as a run does, but that the test window is what comes after the moment instead of the last tenth before it. The
 * validation is the last tenth, and no more than half of what the version to go on from has not learned from.
 */
export async function make({ dataset, moment, from, seed, engine }: Task): Promise<Made> {
  const watch = new Stopwatch(() => undefined)
  let unseenFrom: number | undefined
  const splitBy = (histories: Histories, options: SplitOptions) => {
    unseenFrom = options.unseenFrom
    const times = histories.times.filter((at) => at < moment).sort()
    const unseen = unseenFrom === undefined ? times.length : times.length - times.findIndex((at) => at >= unseenFrom!)
    const held = Math.min(SHARE * times.length, unseen / 2)
    const validationFrom = times[Math.floor(times.length - held)]
    return splitByTime(histories, { ...options, cuts: { validationFrom, testFrom: moment } })
  }
  const trained = await train(
    {
      dataset,
      champion: from,
      prior: shippedPrior(),
      base: shippedBlend(),
      bases: shippedBlends(),
      job: { from: from ? 'active' : 'base', backend: engine, threads: 1, now: moment },
      engine,
      seed,
      splitBy,
      // A twin has its own time, and nothing of it is served here.
      recipeBy: (shape, of) => ({ ...chooseRecipe(shape, of), twin: null }),
      say: () => undefined,
    },
    watch,
  )
  watch.stop()
  if (from && trained.startedFrom !== 'active') throw new Error('The version could not be gone on from.')
  const { network, seconds } = await wholeNetwork(trained, { dataset, unseenFrom, seed, engine })
  const { fit, choice } = trained.candidate
  return {
    version: {
      itemIds: dataset.itemIds,
      eventTypes: dataset.eventTypes,
      textSpace: trained.textSpace,
      network: { config: trained.recipe.config, arrays: network.toArrays() },
      blend: choice.blend,
      counts: trained.counts,
      trainedUntil: moment,
    },
    test: trained.split.test,
    known: trained.split.beforeTest,
    fitting: (watch.seconds.training ?? 0) + (watch.seconds.refitting ?? 0) + seconds,
    whole: Object.values(watch.seconds).reduce((sum, one) => sum + one, seconds),
    steps: fit.steps,
    bestEpoch: fit.bestEpoch,
    epochs: fit.curve.length - 1,
    kind: choice.kind,
    asksNetwork: asksNetwork(choice.blend),
  }
}

/** A network that the blend leaves out has not gone on with the validation's events; to be compared, it does here. */
async function wholeNetwork(
  { split, text, recipe, candidate }: Trained,
  { dataset, unseenFrom, seed, engine }: Pick<Task, 'dataset' | 'seed' | 'engine'> & { unseenFrom?: number },
) {
  if (asksNetwork(candidate.choice.blend)) return { network: candidate.network, seconds: 0 }
  const { eventTypes, hiddenAfter, itemIds } = dataset
  const started = cpuSeconds()
  const evidence = evidenceOf(eventTypes)
  const ground = {
    split,
    knownUntil: unseenFrom,
    text,
    itemCount: itemIds.length,
    typeWeights: eventTypes.map(({ weight }, type) => (evidence[type] ? weight : 0)),
    hides: Uint8Array.from(eventTypes, ({ name }) => (hiddenAfter.includes(name) ? 1 : 0)),
    seed,
    engine,
    threads: 1,
  }
  const network = await refitNetwork(ground, recipe, candidate.network, candidate.fit, recipe.options, {})
  return { network, seconds: cpuSeconds() - started }
}

/** NDCG@10 by case, 0 to 1, of the network by itself and of what is served. */
export interface Quality {
  network: Float32Array
  blend: Float32Array
}

/** Asks a version as whoever serves it would at the beginning of the window. @param known every event before it */
export async function judge(
  version: VersionFile,
  dataset: Dataset,
  { test, known }: Pick<Made, 'test' | 'known'>,
): Promise<Quality> {
  const served = servedVersion(version, dataset)!
  const itemCount = dataset.itemIds.length
  const { methods } = await evaluate({
    parts: {
      itemCount,
      text: served.text,
      lexical: dataset.tokens && LexicalIndex.from(dataset.tokens),
      published: dataset.published,
      counts: Counts.from(known, itemCount, served.counts),
    },
    networks: { own: encoderOf(served.network!, served.text) },
    cases: test,
    methods: [
      { name: 'network', blend: fixedBlend({ ...noWeights(), network: 1 }), network: 'own' },
      { name: 'blend', blend: served.blend, network: 'own' },
    ],
  })
  served.network?.dispose()
  return { network: methods.network.judged.ndcg, blend: methods.blend.judged.ndcg }
}

/** The log without what these users did from a moment on: nobody can learn the answers that they are asked for. */
export function withoutLater(log: Log, users: ReadonlySet<number>, moment: number): Log {
  const { events } = log
  const rows = [...events.times.keys()].filter((row) => events.times[row] < moment || !users.has(events.users[row]))
  const kept: EventColumns = {
    users: Uint32Array.from(rows, (row) => events.users[row]),
    items: Uint32Array.from(rows, (row) => events.items[row]),
    types: Uint8Array.from(rows, (row) => events.types[row]),
    times: Float64Array.from(rows, (row) => events.times[row]),
  }
  return { ...log, events: kept }
}
