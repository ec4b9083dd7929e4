// One training run of a tenant with very many items, and of one with 10,000 of them: peak memory, seconds, events a second.
//
//   npm run bench:large -- [--items 1000000] [--events 2000000] [--stored 200000] [--backend auto]
//
// The shop is made up: items drawn by Zipf's law, users with a taste, random vectors around a few hundred topics. --stored:
// items, with two events each, that are put into a PostgreSQL and read back as a run does. 0 leaves either part out.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { EventsService } from '../src/events/events.service.js'
import { ItemsService } from '../src/catalog/items.service.js'
import { Random } from '../src/model/random.js'
import { TEXT_LENGTH } from '../src/model/text-encoder.js'
import { readConfig } from '../src/platform/config.js'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.js'
import { createLogger } from '../src/platform/logger.js'
import { startService } from '../src/service.js'
import { eventTypeTable, Settings } from '../src/tenants/settings.js'
import { trainInChild } from '../src/training/child-process.js'
import { DatasetWriter } from '../src/training/dataset.js'
import { type ChildLine, FILES, type Job, type Result } from '../src/training/training-job.js'
import type { Bench } from './report.js'

const PAGE = 1000
const TOPICS = 300
const EVENTS_A_USER = 10
const DAY_MS = 86_400_000
const SMALL = 10_000

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000000' },
    events: { type: 'string', default: '2000000' },
    stored: { type: 'string', default: '200000' },
    backend: { type: 'string', default: 'auto' },
  },
})
const events = Number(values.events)
const types = eventTypeTable(Settings.parse({}))

const items = Number(values.items)
const large = items > 0 ? await train(items) : null
const small = items > 0 ? await train(SMALL) : null
const stored = Number(values.stored) > 0 ? await read(Number(values.stored)) : null
const bench: Bench = {
  bench: 'large-tenant',
  events,
  large,
  small,
  rateOfSmall: large && small && Number((large.eventsPerSecond / small.eventsPerSecond).toFixed(2)),
  reading: stored,
}
console.log(JSON.stringify(bench))

/** A whole run in a process of its own. */
async function train(items: number) {
  const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
  try {
    const writer = await DatasetWriter.open(join(folder, FILES.dataset), TEXT_LENGTH, types, [])
    await writeShop(writer, items)
    const idBytes = await writer.finish()
    const job: Job = { from: 'base', threads: 1, backend: values.backend as Job['backend'], now: Date.now() }
    await writeFile(join(folder, FILES.job), JSON.stringify(job))
    const started = performance.now()
    let last = ''
    let seconds = 0
    const stages: Record<string, number> = {}
    const onLine = (value: unknown) => {
      const { state, error } = value as ChildLine
      if (error) throw new Error(error.message)
      const now = (performance.now() - started) / 1000
      if (!state || state === last) return
      if (last) stages[last] = Math.round(now - seconds)
      last = state
      seconds = now
    }
    await trainInChild(folder, 1, { idBytes, onLine, signal: new AbortController().signal })
    stages[last] = Math.round((performance.now() - started) / 1000 - seconds)
    const { report } = JSON.parse(await readFile(join(folder, FILES.result), 'utf8')) as Result
    const { tokensPerSecond, steps } = (report.curves as { candidate: { tokensPerSecond: number; steps: number } })
      .candidate
    const result = {
      items,
      engine: report.engine,
      seconds: Math.round((performance.now() - started) / 1000),
      stages,
      peakMiB: Math.round(Number(report.peakMemoryBytes) / 2 ** 20),
      eventsPerSecond: tokensPerSecond,
      steps,
    }
    console.log(JSON.stringify(result))
    return result
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeShop(writer: DatasetWriter, items: number): Promise<void> {
  const random = new Random(1)
  const topics = random.normals(TOPICS * TEXT_LENGTH, 1)
  const topicOf = (item: number) => Math.imul(item, 0x9e3779b1) >>> 0
  const noise = random.normals(1 << 20, 1)
  for (let from = 0; from < items; from += PAGE) {
    const page = Array.from({ length: Math.min(PAGE, items - from) }, (_, i) => {
      const topic = (topicOf(from + i) % TOPICS) * TEXT_LENGTH
      const start = random.below(noise.length - TEXT_LENGTH)
      const vector = Float32Array.from({ length: TEXT_LENGTH }, (_, j) => topics[topic + j] + noise[start + j])
      return { itemId: `item-${from + i}`, vector }
    })
    await writer.addItems(page)
  }
  // By Zipf's law with exponent 1, the rank is log-uniform.
  const draw = () => Math.min(items - 1, Math.floor(items ** random.next()) - 1)
  const users = Math.ceil(events / EVENTS_A_USER)
  for (let from = 0; from < events; from += PAGE) {
    const page = Array.from({ length: Math.min(PAGE, events - from) }, (_, i) => {
      const user = random.below(users)
      let item = draw()
      // A user likes three topics: half of the events look for an item of one of them.
      for (
        let tries = 0;
        tries < 20 && i % 2 === 0 && topicOf(item) % TOPICS !== (user * 7 + (i % 3)) % TOPICS;
        tries++
      )
        item = draw()
      const at = 1.7e12 + ((from + i) * 180 * DAY_MS) / events
      return { userId: `user-${user}`, itemId: `item-${item}`, type: 'view', occurredAt: new Date(Math.floor(at)) }
    })
    await writer.addEvents(page)
  }
}

/** Reads rows of PostgreSQL as a run does. What the vectors say is of no matter here. */
async function read(rows: number) {
  const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
  const logger = createLogger('fatal')
  const server = await startEmbeddedPostgres({ directory: join(folder, 'postgres'), logger, settings: ['fsync=off'] })
  const config = readConfig({ DATABASE_URL: server.url, DATA_DIR: folder, PORT: '0', ROLES: 'api', LOG_LEVEL: 'fatal' })
  const service = await startService(config)
  try {
    await fill(server.url, rows)
    global.gc?.()
    const before = process.memoryUsage.rss()
    let peak = before
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20)
    const started = performance.now()
    const writer = await DatasetWriter.open(join(folder, 'dataset'), TEXT_LENGTH, types, [])
    await service.app.get(ItemsService).changesSince('large', null, (page) => writer.addItems(page))
    const itemSeconds = (performance.now() - started) / 1000
    await service.app
      .get(EventsService)
      .streamForTraining('large', new Date(0), (page) => writer.addEvents(page), 100_000_000)
    await writer.finish()
    clearInterval(timer)
    const seconds = (performance.now() - started) / 1000
    return {
      items: rows,
      events: 2 * rows,
      itemSeconds: Math.round(itemSeconds),
      seconds: Math.round(seconds),
      beforeMiB: Math.round(before / 2 ** 20),
      addedMiB: Math.round((peak - before) / 2 ** 20),
    }
  } finally {
    await service.stop()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function fill(url: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `INSERT INTO tenants (tenant_id, name, base_model, settings) VALUES ('large', 'Large', 'default', '{}')`,
    )
    await client.query(
      `INSERT INTO items (tenant_id, item_id, title, vector)
       SELECT 'large', 'item-' || i, 'An item with number ' || i, decode(repeat(md5(i::text), ${TEXT_LENGTH / 4}), 'hex')
       FROM generate_series(1, $1::int) i`,
      [rows],
    )
    await client.query(
      `INSERT INTO events (tenant_id, event_id, user_id, item_id, type, occurred_at)
       SELECT 'large', 'e' || i, 'user-' || i % ($1::int / 5), 'item-' || 1 + i::bigint * 7919 % $1::int,
         'view', now() - make_interval(secs => i)
       FROM generate_series(1, 2 * $1::int) i`,
      [rows],
    )
    await client.query('ANALYZE')
  } finally {
    await client.end()
  }
}
