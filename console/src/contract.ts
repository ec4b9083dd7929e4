/** What the page uses of the service's contract, as `/openapi.json` says it. Moments are RFC 3339 texts. */

export interface Page<T> {
  data: T[]
  nextCursor: string | null
}

export type Serving = 'fine-tuned' | 'base' | 'popular'

/** A share with its 95 % interval. */
export interface Figure {
  mean: number
  low: number
  high: number
}

export interface Attention {
  code: string
  severity: 'error' | 'warning' | 'notice'
  detail: string
}

export interface ConsumerLag {
  messages: number
  measuredAt: string
}

export interface TenantOverview {
  id: string
  name: string
  createdAt: string
  eventsPerMinute: number
  eventsLastDay: number
  lastEventAt: string | null
  serving: Serving
  /** Null: the base. */
  modelVersion: string | null
  quality: { ndcg: Figure; base: Figure | null; popular: Figure | null } | null
  lastRun:
    | (Pick<
        Run,
        | 'id'
        | 'state'
        | 'outcome'
        | 'servedAt'
        | 'reason'
        | 'detail'
        | 'progress'
        | 'error'
        | 'createdAt'
        | 'finishedAt'
      > & {
        versionId: string | null
      })
    | null
  nextTraining: string | null
  attention: Attention[]
}

export interface Overview extends Page<TenantOverview> {
  totals: { tenants: number; needAttention: number; eventsPerMinute: number; byCode: Record<string, number> }
  consumerLag: ConsumerLag | null
}

export interface Tenant {
  id: string
  name: string
  baseModel: string
  settings: Record<string, unknown>
  embeddingLength: number | null
  createdAt: string
}

export const SCOPES = ['ingest', 'recommend', 'train', 'manage'] as const
export type Scope = (typeof SCOPES)[number]

export interface ApiKey {
  id: string
  name: string
  scopes: Scope[]
  createdAt: string
  expiresAt: string | null
}

export interface AuditEntry {
  at: string
  actor: string
  action: string
  target: string
}

export interface Estimate {
  seconds: number
  memoryBytes: number
  engine: string
  basis: string
}

export interface Readiness {
  events: number
  /** Of these; no run reads them. */
  eventsOutsideHistory: number
  users: number
  items: number
  itemsWithText: number
  serving: Serving
  missing: { what: string; words: string; have: number; need: number; why: string }[]
  nextTraining: string | null
  estimate: Estimate | null
}

/** Stable, moderate, strong; null: nothing can be said yet. */
export type DriftState = 'stable' | 'moderate' | 'strong' | null

export interface DriftMeasure {
  state: DriftState
  value: number | null
  /** Why nothing can be said. */
  missing: string | null
}

/** From the training window of what is served. */
export interface Drift {
  /** Null: it was not trained on the tenant. */
  modelVersion: string | null
  readAt: string | null
  state: DriftState
  eventMix: DriftMeasure | null
  catalogue: (DriftMeasure & { added: number; gone: number }) | null
  scores: DriftMeasure | null
}

export interface FreshnessFigures {
  measured: number
  promisedSeconds: number
  withinPromise: number | null
  /** Seconds; 300 stands for that and more. */
  p95: number | null
}

export interface Freshness {
  hours: number
  events: FreshnessFigures
  items: FreshnessFigures
}

export interface Quality {
  read: number
  kept: number
  users: number
  findings: { reason: string; events: number; users: number; action: string }[]
}

export type RunState =
  'queued' | 'preparing' | 'training' | 'evaluating' | 'promoted' | 'rejected' | 'skipped' | 'failed' | 'cancelled'

export interface Run {
  id: string
  state: RunState
  outcome: string | null
  detail: string | null
  from: 'base' | 'active'
  reason: string | null
  requestedBy: string
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  attempt: number
  cancelRequested: boolean
  progress: number | null
  epoch: number | null
  step: number | null
  tokensPerSecond: number | null
  etaSeconds: number | null
  loss: number | null
  /** Best NDCG@10 on the validation window so far. */
  validation: number | null
  engine: string | null
  engineReasons: Record<string, string> | null
  estimate: Estimate | null
  quality: Quality | null
  error: { code: string; message: string } | null
  modelVersion: string | null
  /** When its version was first served, also by hand; null: never. */
  servedAt: string | null
}

const LIVE: readonly RunState[] = ['queued', 'preparing', 'training', 'evaluating']
export const isLive = (run: { state: RunState }) => LIVE.includes(run.state)

export type Grain = 'minute' | 'hour' | 'day'

/** Events of one type that came within one grain of time. */
export interface EventCount {
  at: string
  type: string
  accepted: number
  duplicates: number
  rejected: number
}

/** One epoch of a network's training; the start is epoch 0. NDCG is at 10, of the network by itself. */
export interface Epoch {
  epoch: number
  trainLoss: number | null
  validationLoss: number | null
  /** On users as they were learned from. */
  trainNdcg?: number | null
  validationNdcg: number | null
}

/** How a method did on the users of a version's test window. */
export interface Metrics {
  ndcg: Figure
  hitRate: Figure
  precision: Figure
  recall: Figure
  f1: Figure
  mrr: Figure
  at?: Partial<Record<'5' | '20', Record<MetricName, Figure>>>
  coverage?: number
  novelty?: number
  gini?: number
  headShare?: number
  coldShare?: number
  calibration?: (Figure & { users: number }) | null
  slices?: Record<string, { users: number; ndcg: Figure }>
}
export type MetricName = 'ndcg' | 'hitRate' | 'precision' | 'recall' | 'f1' | 'mrr'

export interface VersionSummary {
  id: string
  runId: string | null
  /** Null: from the base. */
  parentId: string | null
  baseModel: string
  createdAt: string
  serving: boolean
  decision: 'passed' | 'rejected'
  reason: string
  sizeBytes: number
  dataWindow: { from: string; validationFrom: string; testFrom: string; to: string } | null
  counts: { events: number; users: number; items: number; trainedOn?: number; judgedOn?: number } | null
  /** By method: candidate, champion, base, popular, ... */
  metrics: Record<string, Metrics> | null
  /** Whose of these are its own. */
  judgedAs: 'candidate' | 'from-scratch' | null
}

export interface Check {
  name: string
  /** For people, where the name has a word of the code in it. */
  title?: string
  passed: boolean
  /** There was too little to ask it of. */
  asked?: false
  required: boolean
  detail: string
}

export interface Version extends VersionSummary {
  gate: { decision: string; reason: string; serve?: string; checks: Check[] } | null
  report: {
    engine?: string
    seconds?: number
    peakMemoryBytes?: number
    recipe?: { startedFrom?: string; served?: string; reasons?: Record<string, string>; halfLifeHours?: number }
    blend?: { kind?: string; reason?: string; shares?: Record<string, number> }
    curves?: Record<string, { epochs: Epoch[]; bestEpoch: number }>
    overfitting?: { detail?: string }
    calibration?: string
  }
}

export interface ActiveUser {
  userId: string
  lastEventAt: string
  lastType: string
  lastItemId: string
}

/** What people see of an item. */
export interface ItemFace {
  title: string | null
  imageUrl: string | null
  url: string | null
  categories: string[]
  price: number | null
}

export interface HistoryEvent {
  itemId: string
  type: string
  value: number | null
  occurredAt: string
  /** Null: not in the catalogue. */
  item: (ItemFace & { available: boolean }) | null
}

export interface Recommended {
  itemId: string
  score: number
  source: string
  reason?: { because: { itemId: string; weight: number }[] }
  properties?: Partial<ItemFace>
}

/** What a version would answer. */
export interface Inspection {
  modelVersion: string
  source: string
  items: Recommended[]
}

/** A message from Kafka that could not be used. */
export interface DeadLetter {
  id: string
  /** Stable, upper snake case. */
  code: string
  reason: string
  tenant: string | null
  /** Where it was first met. */
  topic: string
  partition: number
  offset: string
  key: string | null
  sentAt: string | null
  failedAt: string
  /** How often it was tried. */
  attempts: number
  bytes: number
  /** Whether its value is still there to be sent round again. */
  replayable: boolean
}

export interface DeadLetters extends Page<DeadLetter> {
  byCode: Record<string, number>
}

export interface OpenedLetter extends DeadLetter {
  value: string | null
  /** Base64: it is no text. */
  encoding: 'utf8' | 'base64'
  headers: Record<string, string>
}
