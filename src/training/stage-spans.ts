import type { Span } from '@opentelemetry/api'
import type { Tracing } from '../platform/tracing.js'
import type { ChildLine } from './training-job.js'

/** The stages of a training process as spans, by the lines that it prints: the process itself traces nothing. */
export class StageSpans {
  private current: Span | null = null

  /** @param process the span of the process */
  constructor(
    private readonly tracing: Tracing,
    private readonly process: Span | null,
  ) {}

  add({ stage }: ChildLine): void {
    if (!stage || !this.process) return
    // One machine, one clock.
    this.current?.end(stage.at)
    this.current = this.tracing.start(`train: ${stage.name}`, {
      parent: this.process.spanContext(),
      startTime: stage.at,
    })
  }

  /** The process has ended. */
  end(): void {
    this.current?.end()
    this.current = null
  }
}
