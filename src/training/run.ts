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
export type Outcome = 'promoted' | 'awaiting-promotion' | 'rejected' | 'nothing-new' | 'cancelled' | 'failed'

export type StartFrom = 'base' | 'active'

/** The newest of what a run said about itself. */
export interface RunStatus {
  /** 0 to 1, never falling within an attempt. */
  progress?: number
  epoch?: number
  step?: number
  tokensPerSecond?: number
  etaSeconds?: number
  /** Training loss. */
  loss?: number
  /** NDCG@10 on the validation window. */
  validation?: number
  /** What computes it: cuda, native, webgpu, wasm or cpu. */
  engine?: string
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
  quality: object | null
  error: { code: string; message: string } | null
  outcome: Outcome | null
  versionId: string | null
}

/** One thing that a run reported on its way. */
export interface RunEvent {
  number: number
  at: Date
  kind: 'state' | 'progress' | 'quality' | 'metrics' | 'attempt'
  data: object
}

export const RUN_COLUMNS = `run_id AS id, tenant_id AS "tenantId", state, start_from AS "from", reason,
  requested_by AS "requestedBy", created_at AS "createdAt", started_at AS "startedAt", finished_at AS "finishedAt",
  attempt, cancel_requested AS "cancelRequested", status, quality, error, outcome, version_id AS "versionId"`

export const isLive = (state: RunState) => (LIVE_STATES as readonly RunState[]).includes(state)
