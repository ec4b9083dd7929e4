import { Inject, Injectable } from '@nestjs/common'
import { type Drift, DRIFTING, DriftService } from '../monitoring/drift.service.js'
import { DRIFT_STATES, type DriftState } from '../monitoring/stability.js'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import type { Settings } from '../tenants/settings.js'
import { type Tenant, TenantsService } from '../tenants/tenants.service.js'
import { RunsService } from './runs.service.js'

const PAGE = 200
const DAY_MS = 86_400_000
/** What a version was trained on goes on for some days as it was: sooner there is little new to learn. */
const LEAST_AGE_MS = DAY_MS
/**
 * Between two runs for drift: after so long all that counts as now came after the first of them. A tenant whose drift no
 * training takes away must not train on and on.
 */
const REST_MS = 7 * DAY_MS
/** Who asks for such runs. */
export const DRIFT_CALLER = 'drift'

const NAMES: Record<(typeof DRIFTING)[number], string> = {
  eventMix: 'event mix',
  catalogue: 'catalogue',
  scores: 'scores',
}
const gravity = (state: DriftState | null) => DRIFT_STATES.indexOf(state ?? 'stable')

/** Why a tenant is trained for its drift; null: it has not drifted as far as its settings say. */
export function reasonOf(policy: Pick<Settings['training'], 'onDrift'>, drift: Drift): string | null {
  const { onDrift } = policy
  if (onDrift === 'never') return null
  const far = DRIFTING.filter((kind) => gravity(drift[kind].state) >= gravity(onDrift))
  if (far.length === 0) return null
  const told = far.map((kind) => `${NAMES[kind]} ${drift[kind].state} (${drift[kind].value?.toFixed(2)})`)
  return `drift from the training window of ${drift.versionId}: ${told.join(', ')}`
}

/**
 * Whether there may be a run for drift at this moment.
 * @param newest when the tenant's newest run was asked for, and the newest one for drift
 */
export function mayRun(
  policy: Pick<Settings['training'], 'minIntervalMinutes'>,
  { readAt }: Pick<Drift, 'readAt'>,
  newest: { run: Date | null; forDrift: Date | null },
  now: Date,
): boolean {
  const since = (moment: Date | null) => (moment ? now.getTime() - moment.getTime() : Infinity)
  return (
    since(readAt) >= LEAST_AGE_MS &&
    since(newest.run) >= policy.minIntervalMinutes * 60_000 &&
    since(newest.forDrift) >= REST_MS
  )
}

/** Looks how far tenants have drifted, tells it as metrics, and queues runs where their settings want them for that. */
@Injectable()
export class DriftTrigger {
  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(DriftService) private readonly drift: DriftService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Looks at all tenants once. */
  async look(now = new Date()): Promise<void> {
    const all: Drift[] = []
    let cursor: string | undefined
    do {
      const page = await this.tenants.list(PAGE, cursor)
      const tenants = new Map(page.data.map((tenant) => [tenant.id, tenant]))
      const drifts = await this.drift.of([...tenants.keys()], now)
      all.push(...drifts)
      for (const drift of drifts)
        await this.lookAt(tenants.get(drift.tenantId)!, drift, now).catch((error: unknown) =>
          this.logger.warn({ err: error, tenant: drift.tenantId }, 'could not train for drift'),
        )
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    this.drift.tell(all)
  }

  private async lookAt({ id, settings }: Tenant, drift: Drift, now: Date): Promise<void> {
    const policy = settings.training
    const reason = reasonOf(policy, drift)
    if (reason === null) return
    const [run, forDrift] = await Promise.all([this.runs.newestAt(id), this.runs.newestAt(id, DRIFT_CALLER)])
    if (!mayRun(policy, drift, { run, forDrift }, now)) return
    const { newEvents } = await this.runs.since(id, policy.minNewEvents)
    if (newEvents < policy.minNewEvents || (await this.runs.missing(id)).length > 0) return
    try {
      const made = await this.runs.request(id, { from: 'active', reason }, { name: DRIFT_CALLER })
      this.logger.info({ tenant: id, run: made.id, reason }, 'training for drift')
    } catch (error) {
      // Another instance was faster, or a run goes on anyway.
      if (!(error instanceof AppError && error.code === 'RUN_IN_PROGRESS')) throw error
    }
  }
}
