import type { Progress } from './fit.js'
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
// Before this much is done, what is left can't be told from what was.
const LEAST_FOR_ESTIMATE = 0.08

/** Turns what the stages say into the run's progress from 0 to 1, the time left, and lines for the parent. */
export class ProgressMeter {
  private readonly startedAt = performance.now()
  private stage: Stage = 'cleaning'
  private saidAt = 0

  constructor(private readonly say: (line: ChildLine) => void) {
    say({ stage: stageNow('cleaning') })
  }

  enter(stage: Stage, detail: string): void {
    const entered = STATES[stage] !== STATES[this.stage]
    this.stage = stage
    const status = { ...this.status(0), detail }
    this.say({ stage: stageNow(stage), ...(entered && { state: STATES[stage] }), status })
  }

  /** @param share of the stage, 0 to 1 */
  move(share: number, more: RunStatus = {}): void {
    const now = performance.now()
    if (now - this.saidAt < SAY_EVERY_MS && share < 1) return
    this.saidAt = now
    this.say({ status: { ...this.status(share), ...more } })
  }

  /** The training loop's own figures. */
  readonly fitting = (progress: Progress): void => this.part(0, 1)(progress)

  /** The same of the training `index` of so many that a stage is made of. */
  part =
    (index: number, parts: number) =>
    ({ epoch, step, loss, validation, tokensPerSecond, progress }: Progress): void =>
      this.move((index + progress) / parts, {
        epoch,
        step,
        loss,
        validation,
        tokensPerSecond: Math.round(tokensPerSecond),
      })

  end(): void {
    const status = { progress: 0.99, etaSeconds: 0, detail: 'storing the version' }
    this.say({ stage: stageNow('storing'), status })
  }

  private status(share: number): RunStatus {
    const before = STAGES.slice(0, STAGES.indexOf(this.stage)).reduce((sum, stage) => sum + SHARES[stage], 0)
    const progress = Math.min(0.99, before + SHARES[this.stage] * Math.min(1, share))
    const seconds = (performance.now() - this.startedAt) / 1000
    const left = (seconds / progress) * (1 - progress)
    return {
      progress: Number(progress.toFixed(3)),
      ...(progress >= LEAST_FOR_ESTIMATE && { etaSeconds: Math.ceil(left) }),
    }
  }
}

const stageNow = (name: Stage | 'storing') => ({ name, at: Date.now() })
