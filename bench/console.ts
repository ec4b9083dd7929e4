// How long each call of the console's pages takes on a full database: median, 95th percentile and the first one, in ms.
//
//   npm run bench:console -- [--tenants 1000] [--versions 100] [--items 1000000] [--events 2000000] [--rounds 30]
//
// Filled by SQL: tenants with versions, runs, keys and counts of events each, and one of them with very many items.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.js'
import { createLogger } from '../src/platform/logger.js'
import { startAttune } from '../scripts/quickstart/service.js'
import { consoleCalls } from './console/calls.js'
import { type Fill, fillDatabase } from './console/fill.js'
import { type Bench, median } from './report.js'

const WITHIN_MS = 300

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '1000' },
    versions: { type: 'string', default: '100' },
    items: { type: 'string', default: '1000000' },
    events: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '30' },
  },
})
const size: Fill = {
  tenants: Number(values.tenants),
  versions: Number(values.versions),
  items: Number(values.items),
  events: Number(values.events),
}
const rounds = Number(values.rounds)

const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
const logger = createLogger('fatal')
const server = await startEmbeddedPostgres({ directory: join(folder, 'postgres'), logger, settings: ['fsync=off'] })
// It makes the tables. No trainer: the schedules of a thousand tenants are another matter.
const start = () => startAttune(join(folder, 'data'), { DATABASE_URL: server.url, ROLES: 'api,ingest' })
let service = await start()
try {
  await service.stop()
  const filling = performance.now()
  await fillDatabase(server.url, size)
  const fillSeconds = Math.round((performance.now() - filling) / 1000)
  service = await start()
  const calls: Record<string, { median: number; p95: number; first: number }> = {}
  for (const { name, method, path, body } of await consoleCalls(service, size)) {
    const times: number[] = []
    for (let round = 0; round <= rounds; round++) {
      const started = performance.now()
      await service.call(method, path, { body })
      times.push(performance.now() - started)
    }
    const [first, ...rest] = times
    const p95 = rest.toSorted((a, b) => a - b)[Math.floor(0.95 * rest.length)]
    calls[name] = { median: round(median(rest)), p95: round(p95), first: round(first) }
    console.log(`${name}: ${JSON.stringify(calls[name])}`)
  }
  const medians = Object.values(calls).map((call) => call.median)
  const slow = Object.keys(calls).filter((name) => calls[name].median > WITHIN_MS)
  const result: Bench = { bench: 'console', ...size, fillSeconds, slowestMedianMs: Math.max(...medians), slow, calls }
  console.log(JSON.stringify(result))
} finally {
  await service.stop()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
}

function round(ms: number): number {
  return Number(ms.toFixed(1))
}
