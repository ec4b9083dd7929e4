import { Inject, Injectable } from '@nestjs/common'
import { assign, type Assignment, experimentFor, type RunningExperiment, type Visitor } from '../online/assignment.js'
import { ExperimentsService } from '../online/experiments.service.js'
import { isPassing } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'

/** How long an instance may answer from what it knows without looking: a change elsewhere is seen by the next request. */
const FRESH_MS = 1000
/** Up to this age a request does not wait for the look. */
const USABLE_MS = 5000
const MAX_CACHED = 10_000

interface Known {
  running: RunningExperiment[]
  at: number
  looking: Promise<RunningExperiment[]> | null
}

/** Which arm of which experiment a request is for: from memory, so that no answer waits for it. */
@Injectable()
export class AssignmentService {
  private readonly known = new Map<string, Known>()

  constructor(
    @Inject(ExperimentsService) private readonly experiments: ExperimentsService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Null where there is no experiment for the request, or nobody known asks. */
  async assign(tenantId: string, visitor: Visitor): Promise<Assignment | null> {
    if (visitor.userId === undefined && visitor.sessionId === undefined) return null
    const known = this.knownOf(tenantId)
    const age = Date.now() - known.at
    if (age > USABLE_MS) await this.lookIfPossible(tenantId, known)
    else if (age > FRESH_MS)
      this.look(tenantId, known).catch((error: unknown) =>
        this.logger.warn({ err: error, tenant: tenantId }, 'could not look for experiments'),
      )
    const experiment = experimentFor(known.running, visitor.scenario)
    return experiment ? assign(experiment, visitor) : null
  }

  /** An experiment of the tenant was started or stopped here. */
  forget(tenantId: string): void {
    this.known.delete(tenantId)
  }

  private knownOf(tenantId: string): Known {
    if (this.known.size > MAX_CACHED) this.known.clear()
    const known = this.known.get(tenantId) ?? { running: [], at: 0, looking: null }
    this.known.set(tenantId, known)
    return known
  }

  /** With the database away for a moment, what was known last is a better answer than none. */
  private async lookIfPossible(tenantId: string, known: Known): Promise<void> {
    await this.look(tenantId, known).catch((error: unknown) => {
      if (known.at === 0 || !isPassing(error)) throw error
    })
  }

  private look(tenantId: string, known: Known): Promise<RunningExperiment[]> {
    const started = Date.now()
    known.looking ??= this.experiments
      .runningOf(tenantId)
      .then((running) => {
        known.at = started
        return (known.running = running)
      })
      .finally(() => (known.looking = null))
    return known.looking
  }
}
