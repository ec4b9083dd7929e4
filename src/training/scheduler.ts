import { Inject, Injectable } from '@nestjs/common'
import { Cron } from 'croner'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import type { Settings } from '../tenants/settings.js'
import { type Tenant, TenantsService } from '../tenants/tenants.service.js'
import { RunsService } from './runs.service.js'

const PAGE = 200

/** The newest moment of a schedule (cron, UTC, whole seconds) at or before `now`; null where there is none. */
export function lastTick(schedule: string, now: Date): Date | null {
  const cron = new Cron(schedule, { timezone: 'UTC', paused: true })
  const [tick] = cron.previousRuns(1, new Date(now.getTime() + 1000))
  return tick ?? null
}

type Policy = Pick<Settings['training'], 'schedule' | 'minIntervalMinutes'>

/** The next moment of a tenant's schedule; null where it has none. */
export function nextTick(policy: Policy, now: Date): Date | null {
  if (policy.schedule === null) return null
  return new Cron(policy.schedule, { timezone: 'UTC', paused: true }).nextRun(now)
}

/**
 * Whether a scheduled run is due.
 * @param lookedAt up to when the schedule was looked at
 * @param newestRunAt when the tenant's newest run was asked for
 */
export function isDue(policy: Policy, lookedAt: Date, newestRunAt: Date | null, now: Date): boolean {
  if (policy.schedule === null) return false
  const tick = lastTick(policy.schedule, now)
  if (!tick || tick <= lookedAt) return false
  return !newestRunAt || now.getTime() - newestRunAt.getTime() >= policy.minIntervalMinutes * 60_000
}

/**
 * Queues runs by the tenants' schedules. Any number of instances may do this: of two that ask for the same run, the
 * unique index lets one through.
 */
@Injectable()
export class Scheduler {
  private readonly lookedAt = new Map<string, Date>()

  constructor(
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Looks at all tenants once. */
  async look(now = new Date()): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.tenants.list(PAGE, cursor)
      for (const tenant of page.data) {
        await this.lookAt(tenant, now).catch((error: unknown) =>
          this.logger.warn({ err: error, tenant: tenant.id }, 'could not schedule training'),
        )
      }
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
  }

  private async lookAt(tenant: Tenant, now: Date): Promise<void> {
    const policy = tenant.settings.training
    if (policy.schedule === null) return
    const known = this.lookedAt.get(tenant.id)
    // The cheap question first: nothing is asked of the database between two ticks.
    if (known && !isDue(policy, known, null, now)) return
    const newestRunAt = await this.runs.newestAt(tenant.id)
    // After a start, what was due while nobody looked is made up for.
    const lookedAt = known ?? newestRunAt ?? tenant.createdAt
    if (isDue(policy, lookedAt, null, now)) {
      // A tick that falls into the interval after a run is not lost: it is due when the interval is over.
      if (!isDue(policy, lookedAt, newestRunAt, now) || !(await this.request(tenant))) return
    }
    this.lookedAt.set(tenant.id, now)
  }

  /** @returns whether this tick is settled: where a run was in the way, or something failed, it is looked at again */
  private async request(tenant: Tenant): Promise<boolean> {
    const policy = tenant.settings.training
    const { newEvents } = await this.runs.since(tenant.id, policy.minNewEvents)
    if (newEvents < policy.minNewEvents) return true
    if ((await this.runs.missing(tenant.id)).length > 0) return true
    try {
      const run = await this.runs.request(tenant.id, { from: 'active', reason: 'schedule' }, { name: 'schedule' })
      this.logger.info({ tenant: tenant.id, run: run.id, newEvents }, 'training scheduled')
      return true
    } catch (error) {
      // Another instance was faster, or somebody asked for a run by hand.
      if (!(error instanceof AppError && error.code === 'RUN_IN_PROGRESS')) throw error
      return false
    }
  }
}
