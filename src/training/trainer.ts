import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Inject, Injectable } from '@nestjs/common'
import type { Span } from '@opentelemetry/api'
import { ItemsService } from '../catalog/items.service.js'
import type { WrittenEvent } from '../events/event.js'
import { EventsService } from '../events/events.service.js'
import { TEXT_LENGTH } from '../model/text-encoder.js'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'
import { AppError, isPassing } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Tracing } from '../platform/tracing.js'
import { untraced, within } from '../platform/work-context.js'
import type { Baseline, VersionReport } from '../registry/version-report.js'
import { VERSION_ARTIFACT, VersionsService } from '../registry/versions.service.js'
import { eventTypeTable } from '../tenants/settings.js'
import { type Tenant, TenantsService } from '../tenants/tenants.service.js'
import { Capacity, keptForService, machineMemory, threadsOf } from './capacity.js'
import { trainInChild } from './child-process.js'
import { DatasetWriter, MOST_EVENTS } from './dataset.js'
import { estimateRun, threadsWithin, tooLarge } from './estimate.js'
import { EstimatesService } from './estimates.service.js'
import { learnedBy } from './learned-by.js'
import { type Claim, type Ending, HEARTBEAT_MS, MAX_ATTEMPTS, RunQueue } from './run-queue.js'
import { makeRunFolder } from './run-folder.js'
import { RunReports } from './run-reports.js'
import { type EngineState, TrainerEngine } from './trainer-engine.js'
import { StageSpans } from './stage-spans.js'
import { type ChildLine, FILES, type Job, type Result } from './training-job.js'
import { TrainingMetrics } from './training-metrics.js'
import { MIX_DAYS } from './type-mix.js'

/** Why a run was left before its end. */
type Interruption = 'cancelled' | 'lost' | 'stopping' | 'no room' | 'database away'

/** What a run works with once there is room for it. */
interface Admission extends Pick<EngineState, 'engine' | 'reasons'> {
  threads: number
}

/** Does one claimed run from its data to its version. */
@Injectable()
export class Trainer {
  /** The memory of the runs that go on here. */
  readonly capacity: Capacity

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Database) private readonly database: Database,
    @Inject(TenantsService) private readonly tenants: TenantsService,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(EventsService) private readonly events: EventsService,
    @Inject(VersionsService) private readonly versions: VersionsService,
    @Inject(RunQueue) private readonly queue: RunQueue,
    @Inject(EstimatesService) private readonly estimates: EstimatesService,
    @Inject(TrainerEngine) private readonly engine: TrainerEngine,
    @Inject(TrainingMetrics) private readonly metrics: TrainingMetrics,
    @Inject(Tracing) private readonly tracing: Tracing,
  ) {
    this.capacity = new Capacity(Math.max(0, machineMemory() - keptForService(config)))
  }

  /**
   * Works on a run until it has ended, was cancelled, or belongs to somebody else. Never throws: what goes wrong is the
   * run's end.
   * @param stopping aborted when this process stops: the run goes back to the queue
   */
  work(claim: Claim, stopping: AbortSignal): Promise<void> {
    const { tenantId: tenant, id: run } = claim.run
    const attributes = { 'attune.tenant.id': tenant, 'attune.training.run.id': run }
    return within({ tenant, run }, () =>
      this.tracing.span('training run', { attributes }, (span) => this.workOn(claim, stopping, span)),
    )
  }

  private async workOn(claim: Claim, stopping: AbortSignal, span: Span | null): Promise<void> {
    const interrupted = new AbortController()
    const interrupt = (why: Interruption) => interrupted.abort(why)
    const onStop = () => interrupt('stopping')
    stopping.addEventListener('abort', onStop, { once: true })
    if (stopping.aborted) onStop()
    const startedAt = performance.now()
    this.metrics.started(claim.run)
    const heart = setInterval(() => {
      untraced(() => this.queue.heartbeat(claim)).then(
        (held) => held !== 'held' && interrupt(held),
        (error: unknown) => this.logger.warn({ err: error }, 'a heartbeat failed'),
      )
    }, HEARTBEAT_MS)
    try {
      const ending = await this.train(claim, interrupted.signal).catch((error: unknown) =>
        // Whatever broke then was being broken off.
        interrupted.signal.aborted ? (interrupted.signal.reason as Interruption) : this.failure(claim, error),
      )
      span?.setAttribute('attune.training.outcome', typeof ending === 'string' ? ending : ending.outcome)
      await this.end(claim, ending, (performance.now() - startedAt) / 1000)
    } catch (error) {
      // The lease runs out, and the run is taken over.
      this.logger.error({ err: error }, 'could not end a training run')
    } finally {
      clearInterval(heart)
      this.metrics.left()
      this.capacity.release(claim.run.id)
      stopping.removeEventListener('abort', onStop)
    }
  }

  private async end(claim: Claim, how: Interruption | Ending, seconds: number): Promise<void> {
    if (how === 'lost') return
    if (how === 'stopping') return this.queue.giveBack(claim, 'its trainer stops')
    if (how === 'no room') return this.queue.giveBack(claim, 'waits until a run that goes on has given its memory back')
    if (how === 'database away')
      return this.queue.giveBack(claim, 'the database was away: tried again', { counts: true })
    const ending: Ending = how === 'cancelled' ? { state: 'cancelled', outcome: 'cancelled' } : how
    await this.queue.finish(claim, ending)
    this.metrics.ended(ending, seconds)
    this.logger.info(ending, 'training run ended')
  }

  private async train(claim: Claim, signal: AbortSignal): Promise<Ending | 'no room'> {
    const { tenantId, id } = claim.run
    const admission = await this.tracing.span('admit', {}, () => this.admit(claim))
    if (admission === 'no room' || 'outcome' in admission) return admission
    signal.throwIfAborted()
    const folder = await makeRunFolder()
    try {
      const champion = (await this.versions.current(tenantId))?.versionId ?? null
      const { idBytes, ...prepared } = await this.tracing.span('prepare data', {}, () =>
        this.prepare(claim, folder, champion, admission, signal),
      )
      signal.throwIfAborted()
      const reports = new RunReports(claim, this.queue, this.logger)
      // The same run tried again starts from the same numbers.
      const seed = createHash('sha256').update(id).digest().readUInt32LE(0)
      try {
        await this.tracing.span('train', { attributes: { 'attune.training.engine': admission.engine } }, (span) => {
          const stages = new StageSpans(this.tracing, span)
          const onLine = (line: unknown) => {
            stages.add(line as ChildLine)
            reports.add(line as ChildLine)
          }
          return trainInChild(folder, seed, { idBytes, signal, onLine }).finally(() => stages.end())
        })
      } finally {
        await reports.flush()
        if (!reports.engine && !signal.aborted)
          this.engine.failed(admission.engine, reports.error?.message ?? 'It ended the process of a run.')
      }
      signal.throwIfAborted()
      if (reports.error) return { state: 'failed', outcome: 'failed', error: reports.error }
      const told = { engineReasons: reports.engineReasons, ...prepared }
      return await this.tracing.span('publish', {}, () => this.publish(claim, folder, champion, told))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Says what the run will take, and makes room for it. @returns what becomes of it where there is none */
  private async admit(claim: Claim): Promise<Admission | Ending | 'no room'> {
    const { tenantId, id } = claim.run
    const { engine, reasons, fallback } = await this.engine.find()
    const { size, experience } = await this.estimates.facts(tenantId, engine)
    const { free, runs } = this.capacity
    // Fewer threads are slower, waiting for memory is slower still.
    const threads = threadsWithin(free, size, engine, threadsOf(engine, runs + 1, this.config))
    const estimate = estimateRun(size, engine, threads, experience)
    const room = this.capacity.take(id, estimate.memoryBytes)
    await this.queue.estimate(claim, estimate)
    if (room === 'later') return 'no room'
    if (room === 'never') {
      const { settings } = await this.tenants.get(tenantId)
      const machine = machineMemory()
      const memory = { machine, kept: keptForService(this.config), forRuns: this.capacity.bytes }
      const message = tooLarge(estimate, size, memory, settings.training.historyDays)
      return { state: 'failed', outcome: 'failed', error: { code: 'TOO_LARGE_FOR_TRAINER', message } }
    }
    const about = { engine, threads, estimate }
    if (fallback) this.logger.warn({ ...about, reasons }, fallback)
    else this.logger.info(about, 'training run starts')
    return { engine, reasons, threads }
  }

  /** Writes what the child needs into its folder. @returns the size of the items' ids, what the data are like, and the settings that decide */
  private async prepare(
    claim: Claim,
    folder: string,
    champion: string | null,
    { engine, reasons, threads }: Admission,
    signal: AbortSignal,
  ): Promise<{ idBytes: number; baseline: Baseline; settings: Record<string, unknown> }> {
    const { tenantId, from } = claim.run
    // Taken before anything is read: what it does not show is new to the next run.
    const [{ snapshot, readAt }] = await this.database.query<{ snapshot: string; readAt: Date }>(
      tenantId,
      'SELECT pg_current_snapshot()::text AS snapshot, now() AS "readAt"',
    )
    const status = { detail: 'reading items and events' }
    await this.queue.report(claim, { dataSnapshot: snapshot, status }, [{ kind: 'progress', data: status }])
    const tenant = await this.tenants.get(tenantId)
    const { idBytes, items, eventTypes } = await this.writeDataset(tenant, join(folder, FILES.dataset), signal)
    if (champion)
      await writeFile(
        join(folder, FILES.champion),
        await this.versions.readArtifact(tenantId, champion, VERSION_ARTIFACT),
      )
    const { baseModel, settings } = tenant
    const { without } = settings.training
    const job: Job = { from, backend: engine, engineReasons: reasons, threads, baseModel, without, now: Date.now() }
    await writeFile(join(folder, FILES.job), JSON.stringify(job))
    const baseline = { readAt: readAt.toISOString(), snapshot, days: MIX_DAYS, eventTypes, items }
    return { idBytes, baseline, settings: learnedBy(tenant) }
  }

  private async writeDataset({ id: tenantId, settings, embeddingLength }: Tenant, folder: string, signal: AbortSignal) {
    const length = embeddingLength ?? TEXT_LENGTH
    const writer = await DatasetWriter.open(folder, length, eventTypeTable(settings), settings.hideAfter)
    try {
      await this.items.changesSince(tenantId, null, async (page) => {
        signal.throwIfAborted()
        await writer.addItems(page)
      })
      const { historyDays: days } = settings.training
      const since = await this.events.historyStart(tenantId, days)
      const events = await this.events.outsideHistory(tenantId, days)
      const onPage = async (page: WrittenEvent[]) => {
        signal.throwIfAborted()
        await writer.addEvents(page)
      }
      const tooOld = await this.events.streamForTraining(tenantId, since, onPage, MOST_EVENTS)
      return {
        idBytes: await writer.finish(tooOld, { events, days }),
        items: writer.itemCount,
        eventTypes: writer.mix.newest(),
      }
    } finally {
      await writer.close()
    }
  }

  /** Stores what the child made, and serves it where the gate and the tenant's policy say so. */
  private async publish(
    claim: Claim,
    folder: string,
    champion: string | null,
    told: Pick<VersionReport, 'engineReasons' | 'baseline' | 'settings'>,
  ): Promise<Ending> {
    const { tenantId, id: runId } = claim.run
    // A run that was taken over while this process slept must not leave two versions.
    if ((await this.queue.heartbeat(claim)) === 'lost')
      throw new AppError('LEASE_LOST', 'Another trainer has this run.')
    const result = JSON.parse(await readFile(join(folder, FILES.result), 'utf8')) as Result
    const artifact = await readFile(join(folder, FILES.version))
    const tenant = await this.tenants.get(tenantId)
    const { lineage, baseModel, decision, reason, report } = result
    const parentId = lineage === 'active' ? champion : null
    const version = await this.versions.create(
      tenantId,
      { runId, parentId, baseModel, decision, reason, report: { ...report, ...told } },
      { [VERSION_ARTIFACT]: artifact },
    )
    const ending = { versionId: version.id, detail: reason }
    if (decision === 'rejected') {
      this.metrics.refused(report)
      return { ...ending, state: 'rejected', outcome: 'rejected' }
    }
    const waiting = { ...ending, state: 'skipped', outcome: 'awaiting-promotion' } as const
    if (!tenant.settings.training.autoPromote) return waiting
    const current = (await this.versions.current(tenantId))?.versionId ?? null
    if (current !== champion)
      return { ...waiting, detail: 'What is served was changed meanwhile: the version was not judged against that.' }
    await this.versions.promote(tenantId, version.id, { name: `run:${runId}` }, true)
    return { ...ending, state: 'promoted', outcome: 'promoted' }
  }

  private failure({ run }: Claim, error: unknown): Ending | 'database away' {
    const known = error instanceof AppError
    if (!known && isPassing(error) && run.attempt < MAX_ATTEMPTS) {
      this.logger.warn({ err: error }, 'the database was away during a training run')
      return 'database away'
    }
    if (!known) this.logger.error({ err: error }, 'training run failed')
    const message = known ? error.message : 'Something went wrong here. The run’s id finds it in the log.'
    return { state: 'failed', outcome: 'failed', error: { code: known ? error.code : 'INTERNAL', message } }
  }
}
