import { detached } from './work-context.js'

/**
 * Runs `work` again and again with a pause between, one at a time, until stopped. A failure is handed to `onError`
 * and the loop goes on.
 */
export class Loop {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private stopped = false
  private again = false

  /** @param pauseMs between the end of one round and the start of the next */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly pauseMs: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): this {
    this.schedule(0)
    return this
  }

  /** Cuts the pause short: the next round starts now, or right after the one that runs. */
  wake(): void {
    if (this.running) this.again = true
    else this.schedule(0)
  }

  /** Ends the pause and waits for the round that runs. */
  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.running
  }

  private schedule(delay: number) {
    if (this.stopped) return
    clearTimeout(this.timer)
    // Whoever wakes it is not whom it works for.
    this.timer = detached(() =>
      setTimeout(() => {
        this.running = this.round()
      }, delay),
    )
  }

  private async round() {
    this.again = false
    try {
      await this.work()
    } catch (error) {
      this.onError(error)
    }
    this.running = undefined
    this.schedule(this.again ? 0 : this.pauseMs)
  }
}
