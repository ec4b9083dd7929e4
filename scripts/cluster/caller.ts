import type { Ledger } from './ledger.js'
import { pause } from './system.js'

const PATIENCE_MS = 30_000
const BETWEEN_DOORS_MS = 100

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

/** A client as it should be: goes to another process where one does not answer, and comes back when it is told to. */
export class Caller {
  private next = 0

  /** @param urls of the processes that answer REST */
  constructor(
    private readonly urls: string[],
    private readonly ledger: Ledger,
    private readonly stopped: AbortSignal,
  ) {}

  /** The first answer that any process gives; undefined: the client was stopped. */
  async ask({ kind, method, path, key, body }: Call): Promise<Answer | undefined> {
    while (!this.stopped.aborted) {
      const started = performance.now()
      try {
        const answer = await fetch(this.urls[this.next++ % this.urls.length] + path, {
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
}
