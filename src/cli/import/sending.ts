import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { Attune } from '../../client/index.js'
import { bar, clock, LiveLine } from '../terminal.js'
import { EventTypes } from './event-types.js'
import type { Kind } from './fields.js'
import { fingerprint, type Input } from './input.js'
import { type Entry, Lanes } from './lanes.js'
import type { Mapping } from './mapping.js'
import { Problems } from './problems.js'
import {
  begun,
  goingOn,
  PlaceNotKeptError,
  type Progress,
  progressFile,
  readProgress,
  writeProgress,
} from './progress.js'
import { type Reading, type ReadingOptions, startReading } from './reading.js'
import { START, type Place, type Row } from './row.js'

const CHECKPOINT_MS = 1000
const DRAW_MS = 200

export interface SendingOptions extends ReadingOptions {
  server: string
  tenant: string
  /** Requests at a time. */
  inFlight: number
  /** Also what an earlier import finished. */
  again: boolean
  report?: string
  signal: AbortSignal
}

export interface Summary {
  /** Rows that were read by this command. */
  read: number
  accepted: number
  /** Events that were there already. */
  duplicates: number
  /** Of the whole input, also by earlier tries. */
  refused: number
  seconds: number
  rowsPerSecond: number
  /** Where the refused rows are named; null: there are none. */
  report: string | null
  /** The line that it went on from; 1: the beginning. */
  from: number
  /** Nothing was sent: an earlier import came to the end of this very file. */
  finishedBefore: boolean
  /** Events that were read by this command, by type; also those that the service refused for another reason. */
  types?: Record<string, number>
}

/**
 * Sends an input to a tenant. Whatever ends it, the same call goes on where it was: what is sent twice, around the place
 * where it ended, has the same ids and counts once.
 */
export class Sending {
  private readonly live = new LiveLine()
  private readonly startedAt = performance.now()
  private readonly sums = { read: 0, accepted: 0, duplicates: 0 }
  readonly types = new EventTypes()
  private readonly path: string
  /** Ends it from within. */
  private readonly failing = new AbortController()
  private readonly signal: AbortSignal
  private saving: Promise<void> | undefined
  private savedAt = Date.now()
  private drawn = false

  constructor(
    private readonly attune: Attune,
    private readonly input: Input,
    private readonly options: SendingOptions,
    env: NodeJS.ProcessEnv,
  ) {
    const { server, tenant, kind, map, set, columns, delimiter, encoding } = options
    this.signal = AbortSignal.any([options.signal, this.failing.signal])
    this.path = progressFile(env, [
      server,
      tenant,
      kind,
      input.path,
      input.format,
      map,
      set,
      columns,
      delimiter,
      encoding,
    ])
  }

  /** @throws AttuneError, UsageError, or the reason of the signal, all with the place kept; PlaceNotKeptError */
  async run(): Promise<Summary> {
    const earlier = await this.earlier()
    if (earlier.done && !this.options.again) return this.summary(earlier, START.line, true)
    const { name, sha256, bytes } = earlier
    const progress = earlier.done ? { ...begun(sha256, bytes), name } : earlier
    const from = progress.line
    if (from > START.line) this.live.say(`going on from line ${from}`)
    const reading = await startReading(this.input, this.options, progress)
    for (const remark of reading.mapping.remarks) this.live.say(remark)
    Object.assign(progress, { columns: reading.columns, delimiter: reading.delimiter })
    const problems = new Problems(
      this.reportPath,
      (text) => this.live.say(text),
      progress.reportBytes,
      progress.refused,
    )
    try {
      // Before anything is sent: its rows are named after what is written there.
      await this.save(progress)
      await this.send(reading, progress, problems)
      progress.done = true
      await this.save(progress)
    } finally {
      problems.close()
      this.live.clear()
      await reading.close()
    }
    return this.summary(progress, from, false)
  }

  /** How far an earlier try came, or the beginning. */
  private async earlier(): Promise<Progress> {
    const { path } = this.input
    if (path === undefined) return begun('', 0)
    const bytes = this.input.bytes ?? 0
    const before = await readProgress(this.path)
    const now = await fingerprint(path, before?.bytes)
    const same = goingOn(before, now)
    if (!same) return begun(now.whole, bytes)
    return { ...same, sha256: now.whole, bytes, done: same.done && same.sha256 === now.whole }
  }

  private async send(reading: Reading, progress: Progress, problems: Problems): Promise<void> {
    const { mapping, meter, total } = reading
    const lanes = new Lanes(this.options.inFlight, (batch) => this.sendBatch(batch, mapping, problems))
    let place: Place = { line: progress.line, offset: progress.offset }
    const begun = progress.offset
    // Where a place is one in the file it tells how far that was read; else only what was taken from the disk is known.
    const exact = !this.input.gzip && !this.input.encoding
    const draw = () => {
      if (!total) return this.draw(undefined, problems.count)
      // A row counts once the service has it: a small file is read whole before its first row is stored.
      const settled = 1 - lanes.pending / Math.max(1, this.sums.read)
      const read = exact ? place.offset : meter.read
      this.draw(Math.min(1, (begun + (read - begun) * settled) / total), problems.count)
    }
    const note = () => {
      const { line, offset } = lanes.unsettled ?? place
      problems.release(line)
      Object.assign(progress, { line, offset, refused: problems.count, reportBytes: problems.reportBytes })
    }
    const timer = setInterval(() => {
      draw()
      if (Date.now() - this.savedAt < CHECKPOINT_MS || this.saving) return
      // Going on without would be work that the next try does again.
      this.saving = this.save(progress, note)
        .catch((error: unknown) => this.failing.abort(error))
        .finally(() => (this.saving = undefined))
    }, DRAW_MS)
    try {
      for await (const rows of reading.rows)
        for (const row of rows) {
          this.signal.throwIfAborted()
          await this.sendRow(row, mapping, lanes, problems, progress.name)
          place = { line: row.nextLine, offset: row.next }
        }
      await lanes.finish()
      // All that was refused is counted by then.
      await this.save(progress, note)
      if (this.drawn) this.live.say(this.line(total && 1, problems.count))
    } finally {
      clearInterval(timer)
      await lanes.settle()
      await this.saving
      await this.save(progress, note)
    }
  }

  private async sendRow(row: Row, mapping: Mapping, lanes: Lanes, problems: Problems, name: string): Promise<void> {
    this.sums.read += 1
    const made = row.problem ? { problem: row.problem } : mapping.make(row)
    if ('problem' in made) return problems.add({ line: row.line, ...made.problem })
    const { value, lane } = made
    if (this.options.kind === 'events') {
      this.types.add(value.type)
      value.eventId ??= eventId(name, row.line, value)
    }
    await lanes.put(lane, { line: row.line, offset: row.start, json: JSON.stringify(value) })
  }

  private async sendBatch(batch: Entry[], mapping: Mapping, problems: Problems): Promise<void> {
    const { kind } = this.options
    const json = `{"${kind}":[${batch.map((entry) => entry.json).join(',')}]}`
    const path = PATHS[kind]
    const answer = await this.attune.call('post', path, { json }, { signal: this.signal })
    this.sums.accepted += answer.accepted
    this.sums.duplicates += 'duplicates' in answer ? answer.duplicates : 0
    for (const { index, code, reason } of answer.rejected) {
      const column = mapping.columnOf(/^([\w.]+): /.exec(reason)?.[1] ?? '')
      problems.add({ line: batch[index].line, ...(column !== undefined && { column }), code, reason })
    }
  }

  /** @param note what is known by now, written down before. @throws PlaceNotKeptError */
  private async save(progress: Progress, note?: () => void): Promise<void> {
    this.savedAt = Date.now()
    try {
      note?.()
      if (this.input.path !== undefined) await writeProgress(this.path, { ...progress })
    } catch (error) {
      throw new PlaceNotKeptError(error)
    }
  }

  private get reportPath(): string {
    const { path } = this.input
    const name = path === undefined ? 'standard-input' : basename(path)
    return this.options.report ?? join(path === undefined ? '.' : dirname(path), `${name}.refused.ndjson`)
  }

  /** @param share of the input; undefined: nobody knows how much there is */
  private draw(share: number | undefined, refused: number) {
    this.drawn = true
    this.live.draw(this.line(share, refused))
  }

  private line(share: number | undefined, refused: number): string {
    const seconds = (performance.now() - this.startedAt) / 1000
    const rate = this.sums.read / seconds
    const parts = [
      ...(share === undefined ? [] : [bar(share), `${Math.floor(100 * share)} %`]),
      `${this.sums.read.toLocaleString('en-US')} ${this.options.kind}`,
      `${Math.round(rate).toLocaleString('en-US')} a second`,
      ...(share !== undefined && share > 0.01 && share < 1
        ? [`about ${clock((seconds / share) * (1 - share))} left`]
        : []),
      ...(refused > 0 ? [`${refused} refused`] : []),
    ]
    return parts.join('  ')
  }

  private summary(progress: Progress, from: number, finishedBefore: boolean): Summary {
    const seconds = (performance.now() - this.startedAt) / 1000
    return {
      ...this.sums,
      refused: progress.refused,
      seconds: Math.round(seconds * 100) / 100,
      rowsPerSecond: Math.round(this.sums.read / seconds),
      report: progress.refused > 0 ? this.reportPath : null,
      from,
      finishedBefore,
      ...(this.options.kind === 'events' && { types: this.types.byType }),
    }
  }
}

const PATHS = { events: '/v1/tenants/{tenant}/events', items: '/v1/tenants/{tenant}/items' } as const satisfies Record<
  Kind,
  string
>

/** The same for the same row of the same input, whenever it is sent. */
function eventId(name: string, line: number, value: Record<string, unknown>): string {
  const place = String(line).padStart(10, '0')
  // What comes through a pipe has no name: what the row says and where it stands tell it apart.
  if (name === '') return `${createHash('sha256').update(JSON.stringify(value)).digest('base64url')}:${place}`
  return `${name}:${place}`
}
