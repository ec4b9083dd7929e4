import type { Ledger } from './ledger.js'
import { pause } from './system.js'

const PATIENCE_MS = 30_000
const BETWEEN_DOORS_MS = 100
const PROBE_EVERY_MS = 1000

export interface Answer {
  status: number
  body: string
}

interface Call {
  /** What it is counted as. */
  kind: string
  method: string
  path: string
  key: string
  body?: object
}

/** A process that answers REST. */
export interface Door {
  url: string
  health(): Promise<{ ready: boolean }>
}

/**
 * A client as it should be, behind a load balancer that looks who is ready once a second: goes to another process where one
 * does not answer, and comes back when it is told to.
 */
export class Caller {
  private next = 0
  private readonly ready = new Set<Door>()

  constructor(
    private readonly doors: Door[],
    private readonly ledger: Ledger,
    private readonly stopped: AbortSignal,
  ) {
    for (const door of doors) void this.probe(door)
  }

  /** The first answer that any process gives; undefined: the client was stopped. */
  async ask({ kind, method, path, key, body }: Call): Promise<Answer | undefined> {
    while (!this.stopped.aborted) {
      const started = performance.now()
      try {
        const answer = await fetch(this.door().url + path, {
          method,
          headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
          body: body && JSON.stringify(body),
          signal: AbortSignal.timeout(PATIENCE_MS),
        })
        const text = await answer.text()
        const told = { status: answer.status, body: text, retryAfter: answer.headers.get('retry-after') }
        this.ledger.answered(kind, told, (performance.now() - started) / 1000)
        if (answer.status === 503 || answer.status === 429) await pause(1000 * Number(told.retryAfter ?? 1))
        return told
      } catch (error) {
        if ((error as Error).name === 'TimeoutError') this.ledger.timeouts++
        else this.ledger.transportErrors++
        await pause(BETWEEN_DOORS_MS)
      }
    }
    return undefined
  }

  /** As often as it takes until it is accepted. @returns undefined where the client was stopped before */
  async insist(call: Call): Promise<Answer | undefined> {
    for (;;) {
      const answer = await this.ask(call)
      if (!answer || answer.status < 300) return answer
      if (answer.status !== 503 && answer.status !== 429) {
        this.ledger.fault(call.kind, answer.status, answer.body.slice(0, 300))
        return answer
      }
    }
  }

  /** In turn, of those that are ready; with none of them any may be asked, and says so. */
  private door(): Door {
    const open = this.ready.size > 0 ? [...this.ready] : this.doors
    return open[this.next++ % open.length]
  }

  private async probe(door: Door): Promise<void> {
    for (; !this.stopped.aborted; await pause(PROBE_EVERY_MS))
      if ((await door.health()).ready) this.ready.add(door)
      else this.ready.delete(door)
  }
}
