import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { LOGGER, type Logger } from '../platform/logger.js'
import { isLive } from './run.js'
import { RunsService } from './runs.service.js'

const POLL_MS = 500
// Proxies close a connection that says nothing for a minute or so.
const HEARTBEAT_MS = 15_000

/**
 * A run as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): what it reported so far,
 * then what it reports, until it has ended. Read from the database, so that any instance can follow any run.
 */
@Injectable()
export class RunStream implements BeforeApplicationShutdown {
  private readonly stopping = new AbortController()
  private readonly open = new Set<Promise<void>>()

  constructor(
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Takes the connection over and answers on it until the run has ended, the client leaves or the service stops.
   * @param after number of the last event that the client knows (`Last-Event-ID`)
   */
  follow(tenantId: string, runId: string, after: number, reply: FastifyReply): void {
    reply.hijack()
    const gone = new AbortController()
    reply.raw.on('close', () => gone.abort())
    reply.raw.on('error', () => gone.abort())
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      connection: 'keep-alive',
      // nginx would hold the events back until its buffer is full.
      'x-accel-buffering': 'no',
    })
    const signal = AbortSignal.any([gone.signal, this.stopping.signal])
    const stream = this.write(tenantId, runId, after, reply, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.logger.warn({ err: error, run: runId }, 'a stream of run events broke')
      })
      .finally(() => {
        reply.raw.end()
        this.open.delete(stream)
      })
    this.open.add(stream)
  }

  async beforeApplicationShutdown() {
    this.stopping.abort()
    await Promise.all(this.open)
  }

  private async write(tenantId: string, runId: string, after: number, reply: FastifyReply, signal: AbortSignal) {
    // How long the client waits before it comes back when the connection breaks.
    reply.raw.write('retry: 2000\n\n')
    let last = after
    let saidAt = Date.now()
    while (!signal.aborted) {
      // The state first: an event written between the two reads is then read below, or in the next round.
      const run = await this.runs.get(tenantId, runId)
      const events = await this.runs.events(tenantId, runId, last)
      for (const { number, at, kind, data } of events) {
        reply.raw.write(`id: ${number}\nevent: ${kind}\ndata: ${JSON.stringify({ at, ...data })}\n\n`)
        last = number
      }
      if (events.length > 0) saidAt = Date.now()
      else if (!isLive(run.state)) {
        const { state, outcome, error, versionId } = run
        reply.raw.write(`event: end\ndata: ${JSON.stringify({ state, outcome, error, modelVersion: versionId })}\n\n`)
        return
      } else {
        if (Date.now() - saidAt >= HEARTBEAT_MS) {
          reply.raw.write(': still here\n\n')
          saidAt = Date.now()
        }
        await sleep(POLL_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}
