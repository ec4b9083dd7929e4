import type { ComponentName } from '../model/ranking.js'
import type { Config } from '../platform/config.js'
import type { VersionReport } from '../registry/version-report.js'
import type { BaseModel } from '../tenants/base-models.js'
import type { EpochResult } from './fit-watch.js'
import type { Stage } from './progress-meter.js'
import type { RunState, RunStatus, StartFrom } from './run.js'

/** What the child finds in its folder, and what it leaves there. */
export const FILES = {
  /** A folder, see `DatasetWriter`. */
  dataset: 'dataset',
  /** The active version's file; absent where the tenant is served by the base. */
  champion: 'champion.safetensors',
  job: 'job.json',
  version: 'version.safetensors',
  result: 'result.json',
} as const

export interface Job {
  from: StartFrom
  /** The engine that was found for it: one that fails in the run must end it, not leave it to a slower one unsaid. */
  backend: Config['backend']
  /** Why each better engine was not found usable. */
  engineReasons?: Record<string, string>
  /** That may compute its gradients at once. */
  threads: number
  /** The tenant's base; `default` lets the run find which one fits. */
  baseModel?: BaseModel
  /** Parts that the blend may not have; without the network none is trained. */
  without?: ComponentName[]
  /** The service's clock at the start, in milliseconds since 1970. */
  now: number
}

export interface Result {
  /** What the version goes on from: the base, the active version, or nothing (the from-scratch twin). */
  lineage: StartFrom | 'scratch'
  /** The base whose blend the version's weights were drawn to. */
  baseModel: BaseModel
  decision: 'passed' | 'rejected'
  reason: string
  report: VersionReport
}

/** One epoch of one of the trainings that a run is made of. */
export interface JudgedEpoch extends EpochResult {
  of: Stage
  /** Counted from 1 where the stage tries several starts. */
  part: number
}

/** One line of the child's output. */
export interface ChildLine {
  /** What begins, and when: milliseconds since 1970. */
  stage?: { name: string; at: number }
  state?: RunState
  status?: RunStatus
  epoch?: JudgedEpoch
  quality?: object
  metrics?: object
  /** What it ends for, where it could not train: said to the tenant. */
  error?: { code: string; message: string }
}
