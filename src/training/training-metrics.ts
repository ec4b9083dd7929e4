import { Inject, Injectable } from '@nestjs/common'
import { Metrics } from '../platform/metrics.js'
import type { VersionReport } from '../registry/version-report.js'
import type { Run } from './run.js'
import type { Ending } from './run-queue.js'

/** Seconds: from a small shop on many cores to a large one on few. */
const RUN_BUCKETS = [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400]
const WAIT_BUCKETS = [1, 5, 15, 60, 300, 900, 3600, 14_400]

/** What became of training runs. */
@Injectable()
export class TrainingMetrics {
  /** Set by whoever looks at the queue. */
  readonly waiting
  private readonly running
  private readonly waited
  private readonly seconds
  private readonly outcomes
  private readonly refusals
  private readonly failures

  constructor(@Inject(Metrics) metrics: Metrics) {
    this.waiting = metrics.gauge('attune_training_runs_waiting', 'Training runs in the queue, of all tenants')
    this.running = metrics.gauge('attune_training_runs_running', 'Training runs that are worked on here')
    this.waited = metrics.histogram(
      'attune_training_wait_seconds',
      'From the request for a run to the trainer that took it',
      [],
      WAIT_BUCKETS,
    )
    this.seconds = metrics.histogram(
      'attune_training_run_seconds',
      'Training runs from their start here to their end, by outcome',
      ['outcome'],
      RUN_BUCKETS,
    )
    this.outcomes = metrics.counter(
      'attune_training_runs_total',
      'Training runs that ended here, by final state and outcome',
      ['state', 'outcome'],
    )
    this.refusals = metrics.counter(
      'attune_training_gate_refusals_total',
      'Versions that the gate refused, by each check that they failed',
      ['check'],
    )
    this.failures = metrics.counter('attune_training_failures_total', 'Training runs that failed here, by error code', [
      'code',
    ])
  }

  started({ attempt, createdAt, startedAt }: Run): void {
    this.running.inc()
    // Both are moments of the database.
    if (attempt === 1 && startedAt) this.waited.observe((startedAt.getTime() - createdAt.getTime()) / 1000)
  }

  /** A run is worked on here no longer, whatever came of it. */
  left(): void {
    this.running.dec()
  }

  ended({ state, outcome, error }: Ending, seconds: number): void {
    this.seconds.observe({ outcome }, seconds)
    this.outcomes.inc({ state, outcome })
    if (error) this.failures.inc({ code: error.code })
  }

  /** @param report of a version that the gate refused */
  refused({ gate }: VersionReport): void {
    for (const check of gate?.checks ?? [])
      if (check.required && !check.passed && typeof check.name === 'string') this.refusals.inc({ check: check.name })
  }
}
