import type { Logger } from '../platform/logger.js'
import { untraced } from '../platform/work-context.js'
import type { Claim, RunQueue } from './run-queue.js'
import type { RunStatus } from './run.js'
import type { ChildLine } from './training-job.js'

// Followers look twice a second; a child that says more often than that only makes rows.
const REPORT_EVERY_MS = 700

/** What a child says, put together so that the database hears of it now and then. */
export class RunReports {
  error: ChildLine['error']
  /** That the child started; absent until it has. */
  engine: string | undefined
  engineReasons: Record<string, string> = {}
  private pending: ChildLine = {}
  /** What of the status is no event yet. */
  private untold: RunStatus = {}
  private events: Parameters<RunQueue['report']>[2] = []
  private writing: Promise<void> = Promise.resolve()
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly claim: Claim,
    private readonly queue: RunQueue,
    private readonly logger: Logger,
  ) {}

  add(line: ChildLine): void {
    const { state, status, epoch, quality, metrics, error } = line
    this.error ??= error
    this.engine ??= status?.engine
    if (status?.engineReasons) this.engineReasons = status.engineReasons
    // Told with the figures after it, it would be gone: nobody could see that another training begins.
    const begins = status?.epoch === null
    if (begins) this.tellProgress()
    if (state) this.events.push({ kind: 'state', data: { state } })
    if (epoch) this.events.push({ kind: 'epoch', data: epoch })
    if (quality) this.events.push({ kind: 'quality', data: quality })
    if (metrics) this.events.push({ kind: 'metrics', data: metrics })
    if (state) this.pending.state = state
    if (quality) this.pending.quality = quality
    if (status) {
      this.pending.status = { ...this.pending.status, ...status }
      this.untold = { ...this.untold, ...status }
    }
    if (begins) this.tellProgress()
    this.timer ??= setTimeout(() => void this.flush(), REPORT_EVERY_MS)
  }

  async flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    this.tellProgress()
    const { pending, events } = this
    this.pending = {}
    this.events = []
    this.writing = this.writing
      .then(() => untraced(() => this.queue.report(this.claim, pending, events)))
      .catch((error: unknown) => this.logger.warn({ err: error }, 'could not report progress'))
    await this.writing
  }

  private tellProgress() {
    if (Object.keys(this.untold).length > 0) this.events.push({ kind: 'progress', data: this.untold })
    this.untold = {}
  }
}
