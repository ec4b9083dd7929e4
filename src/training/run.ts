import type { Engine } from '../platform/tensorflow.js'

/** Where a run is. The last five are ends. */
export const RUN_STATES = [
  'queued',
  'preparing',
  'training',
  'evaluating',
  'promoted',
  'rejected',
  'skipped',
  'failed',
  'cancelled',
] as const
export type RunState = (typeof RUN_STATES)[number]

export const LIVE_STATES = ['queued', 'preparing', 'training', 'evaluating'] as const satisfies RunState[]

/**
 * What came of a run, next to its state. A version that passed the gate and waits for a word of the tenant
 * (`autoPromote: false`) ends its run as `skipped` with `awaiting-promotion`: what is served was not changed.
 */
export const OUTCOMES = ['promoted', 'awaiting-promotion', 'rejected', 'nothing-new', 'cancelled', 'failed'] as const
export type Outcome = (typeof OUTCOMES)[number]

export type StartFrom = 'base' | 'active'

/** What a run will need, as far as that can be told before it starts. */
export interface Estimate {
  seconds: number
  /** At its peak: the training process, and what the service holds for it. */
  memoryBytes: number
  engine: Engine
  /** What it was reckoned from, in words. */
  basis: string
  /** Seconds before earlier runs corrected them. */
  uncorrectedSeconds: number
}

/** The newest of what a run said about itself. */
export interface RunStatus {
  /** 0 to 1, never falling within an attempt. */
  progress?: number
  /** This and the other figures are those of the training that goes on, null between two; of an ended run those of its fine-tuning. */
  epoch?: number | null
  step?: number | null
  tokensPerSecond?: number | null
  etaSeconds?: number
  /** Training loss. */
  loss?: number | null
  /** NDCG@10 on the validation window; null also where a training has none, as it learns from that. */
  validation?: number | null
  /** What computes it: cuda, native, webgpu, wasm or cpu. */
  engine?: string
  /** Why each better engine was not used. */
  engineReasons?: Record<string, string>
  /** What is happening, in words. */
  detail?: string
}

export interface Run {
  id: string
  tenantId: string
  state: RunState
  from: StartFrom
  reason: string | null
  requestedBy: string
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
  attempt: number
  cancelRequested: boolean
  status: RunStatus
  /** Null until a trainer has looked at it. */
  estimate: Estimate | null
  quality: object | null
  error: { code: string; message: string } | null
  outcome: Outcome | null
  versionId: string | null
  /** When its version was first served, by the gate's decision or, later, by hand; null: never. */
  servedAt: Date | null
}

/** One thing that a run reported on its way. */
export interface RunEvent {
  number: number
  at: Date
  kind: 'state' | 'estimate' | 'progress' | 'epoch' | 'quality' | 'metrics' | 'attempt'
  data: object
}

const OWN_COLUMNS = `run_id AS id, tenant_id AS "tenantId", state, start_from AS "from", reason,
  requested_by AS "requestedBy", created_at AS "createdAt", started_at AS "startedAt", finished_at AS "finishedAt",
  attempt, cancel_requested AS "cancelRequested", status, estimate, quality, error, outcome, version_id AS "versionId"`

/** Of a run that is live: it has no version yet. */
export const LIVE_RUN_COLUMNS = `${OWN_COLUMNS}, NULL::timestamptz AS "servedAt"`

export const RUN_COLUMNS = `${OWN_COLUMNS}, (SELECT min(promoted_at) FROM promotions
  WHERE promotions.tenant_id = training_runs.tenant_id AND promotions.version_id = training_runs.version_id) AS "servedAt"`

/** What callers see of an estimate. */
export const estimateView = ({ seconds, memoryBytes, engine, basis }: Estimate) => ({
  seconds,
  memoryBytes,
  engine,
  basis,
})

export const isLive = (state: RunState) => (LIVE_STATES as readonly RunState[]).includes(state)
