import type { FitWatch } from './fit-watch.js'
import type { RunState, RunStatus } from './run.js'
import type { ChildLine } from './training-job.js'

/** Which part of a run each stage is, by measured time; they add up to 1. */
const SHARES = {
  cleaning: 0.03,
  texts: 0.07,
  training: 0.35,
  twin: 0.22,
  blending: 0.08,
  refitting: 0.1,
  judging: 0.15,
} as const
export type Stage = keyof typeof SHARES
const STAGES = Object.keys(SHARES) as Stage[]

const STATES: Record<Stage, RunState> = {
  cleaning: 'preparing',
  texts: 'preparing',
  training: 'training',
  twin: 'training',
  blending: 'training',
  refitting: 'training',
  judging: 'evaluating',
}
const SAY_EVERY_MS = 250
// Before this share of a run was trained, and for so long, what is left can't be told from what was.
const LEAST_FOR_ESTIMATE = 0.05
const LEAST_SECONDS_FOR_ESTIMATE = 2
// Reading and cleaning say nothing of how long the training takes: they are not measured by.
const MEASURED_FROM: Stage = 'training'
// An estimate that grows by less than this, and a few seconds, is noise: who waits is not told.
const NOISE = 1.3
const NOISE_SECONDS = 5
/** Figures are those of the training that goes on: what begins has none yet. */
const NO_FIGURES = { epoch: null, step: null, loss: null, validation: null, tokensPerSecond: null }

/** Turns what the stages say into the run's progress from 0 to 1, the time left, and lines for the parent. */
export class ProgressMeter {
  private stage: Stage = 'cleaning'
  private saidAt = -Infinity
  private measuredSince: number | undefined
  /** Shares of the stages that were measured and are over. */
  private measured = 0
  private toldLeft = Infinity
  /** The last figures of the fine-tuning: those that an ended run is known by. */
  private fineTuned: RunStatus = {}

  /** @param now milliseconds of a clock that never goes back */
  constructor(
    private readonly say: (line: ChildLine) => void,
    private readonly now = () => performance.now(),
  ) {
    say({ stage: stageNow('cleaning'), status: { detail: 'cleaning the events' } })
  }

  /** @param detail what the stage does, in words */
  enter(stage: Stage, detail: string): void {
    const entered = STATES[stage] !== STATES[this.stage]
    if (stage === MEASURED_FROM) this.measuredSince = this.now()
    else if (this.measuredSince !== undefined) this.measured += SHARES[this.stage]
    this.stage = stage
    const status = { ...this.status(0), ...NO_FIGURES, detail }
    this.say({ stage: stageNow(stage), ...(entered && { state: STATES[stage] }), status })
  }

  /** The next training of the same stage begins: its epochs are counted from one again. */
  begin(detail: string): void {
    this.say({ status: { ...NO_FIGURES, detail } })
  }

  /** @param share of the stage, 0 to 1 */
  move(share: number, more: RunStatus = {}): void {
    const now = this.now()
    if (now - this.saidAt < SAY_EVERY_MS && share < 1) return
    this.saidAt = now
    this.say({ status: { ...this.status(share), ...more } })
  }

  /** Listens to the training `index` of so many that the stage is made of. */
  part(index = 0, parts = 1): FitWatch {
    const { stage } = this
    return {
      onProgress: ({ epoch, step, loss, validation, tokensPerSecond, progress }) => {
        const figures = { epoch, step, loss, validation, tokensPerSecond: Math.round(tokensPerSecond) }
        if (stage === 'training') this.fineTuned = figures
        this.move((index + progress) / parts, figures)
      },
      onEpoch: (result) => this.say({ epoch: { of: stage, part: index + 1, ...result } }),
    }
  }

  end(): void {
    const status = { ...this.fineTuned, progress: 0.99, etaSeconds: 0, detail: 'storing the version' }
    this.say({ stage: stageNow('storing'), status })
  }

  private status(share: number): RunStatus {
    const before = STAGES.slice(0, STAGES.indexOf(this.stage)).reduce((sum, stage) => sum + SHARES[stage], 0)
    const done = SHARES[this.stage] * Math.min(1, share)
    const progress = Math.min(0.99, before + done)
    const left = this.secondsLeft(done, 1 - before - done)
    return { progress: Number(progress.toFixed(3)), ...(left !== undefined && { etaSeconds: Math.ceil(left) }) }
  }

  /** @param done share of the run that this stage has done @param rest share that is left of the run */
  private secondsLeft(done: number, rest: number): number | undefined {
    if (this.measuredSince === undefined) return undefined
    const seconds = (this.now() - this.measuredSince) / 1000
    const measured = this.measured + done
    if (measured < LEAST_FOR_ESTIMATE || seconds < LEAST_SECONDS_FOR_ESTIMATE) return undefined
    const left = (seconds / measured) * rest
    if (left < this.toldLeft || left > this.toldLeft * NOISE + NOISE_SECONDS) this.toldLeft = left
    return this.toldLeft
  }
}

const stageNow = (name: Stage | 'storing') => ({ name, at: Date.now() })
