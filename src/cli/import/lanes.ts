import type { Place } from './row.js'

/** What the service takes at once. */
const MAX_ENTRIES = 1000
const MAX_BYTES = 5 * 1024 * 1024 - 1024
/** A lane that gets few rows must not hold the place back by more than so many lines. */
const MOST_BEHIND = 20_000

export interface Entry extends Place {
  json: string
}

interface Lane {
  filling: Entry[]
  bytes: number
  sending: Entry[]
  sent: Promise<void>
}

/**
 * Sends rows in batches, several at a time. Rows with the same key go the same lane, one batch after the other: what one
 * user did at one moment arrives in the order of the input.
 */
export class Lanes {
  private readonly lanes: Lane[]
  private failure: Error | undefined
  private newest = 0

  /** @param send sends a batch and takes care of what became of it; what it throws ends everything */
  constructor(
    count: number,
    private readonly send: (batch: Entry[]) => Promise<void>,
  ) {
    this.lanes = Array.from({ length: count }, () => ({
      filling: [],
      bytes: 0,
      sending: [],
      sent: Promise.resolve(),
    }))
  }

  /** Waits while the lane is busy. @throws what `send` threw */
  async put(key: string, entry: Entry): Promise<void> {
    const lane = this.lanes[hash(key) % this.lanes.length]
    const bytes = Buffer.byteLength(entry.json) + 1
    if (lane.filling.length === MAX_ENTRIES || (lane.filling.length > 0 && lane.bytes + bytes > MAX_BYTES))
      await this.start(lane)
    lane.filling.push(entry)
    lane.bytes += bytes
    this.newest = entry.line
    for (const other of this.lanes)
      if (other.filling.length > 0 && this.newest - other.filling[0].line > MOST_BEHIND) await this.start(other)
    if (this.failure !== undefined) throw this.failure
  }

  /** Sends the rest and waits for all. @throws what `send` threw */
  async finish(): Promise<void> {
    for (const lane of this.lanes) await this.start(lane)
    await this.settle()
    if (this.failure !== undefined) throw this.failure
  }

  /** Waits for what is on its way, and starts no more. */
  async settle(): Promise<void> {
    await Promise.all(this.lanes.map(({ sent }) => sent))
  }

  /** The first row that nobody knows the fate of; undefined: there is none. */
  get unsettled(): Place | undefined {
    let first: Place | undefined
    for (const { sending, filling } of this.lanes)
      for (const entry of [sending[0], filling[0]]) if (entry && !(first && first.line <= entry.line)) first = entry
    return first
  }

  /** Rows whose fate nobody knows yet. */
  get pending(): number {
    return this.lanes.reduce((sum, { filling, sending }) => sum + filling.length + sending.length, 0)
  }

  private async start(lane: Lane): Promise<void> {
    await lane.sent
    if (this.failure !== undefined || lane.filling.length === 0) return
    lane.sending = lane.filling
    lane.filling = []
    lane.bytes = 0
    lane.sent = this.send(lane.sending).then(
      () => void (lane.sending = []),
      // The rows stay: they are where the next try begins.
      (error: unknown) => void (this.failure ??= error instanceof Error ? error : new Error(String(error))),
    )
  }
}

/** FNV-1a, over the ends of long keys. */
function hash(key: string): number {
  let value = 0x811c9dc5
  for (let i = Math.max(0, key.length - 32); i < key.length; i++)
    value = Math.imul(value ^ key.charCodeAt(i), 0x01000193) >>> 0
  return value
}
