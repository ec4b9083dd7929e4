// Very many tenants on one api instance: how long the first answer of one takes that was not in memory, and what those
// that are notice of it.
//
//   npm run bench:tenants -- [--tenants 1000] [--items 300] [--events 3000] [--memory 1024] [--rounds 8] [--cold 5]
//
// One tenant is trained, and copied with its version to the others by SQL. Phases take turns: one tenant alone, and as many
// requests to twenty warm tenants while others are asked for the first time, --cold of them a second. Latency counts from
// when a call was due. --memory: of MODEL_MEMORY_MB; with less than all models need, tenants leave and come back.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startAttune } from '../scripts/quickstart/service.js'
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.js'
import { createLogger } from '../src/platform/logger.js'
import { median, type Bench } from './report.js'
import { copyTenants, type Fill, makeTemplate, nameOf, userOf, usersOf } from './tenants/fill.js'
import { quantile, steadily, type Told } from './tenants/load.js'

const WARM = 20
const ALONE_SECONDS = 8

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '1000' },
    items: { type: 'string', default: '300' },
    events: { type: 'string', default: '3000' },
    memory: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '8' },
    cold: { type: 'string', default: '5' },
    rate: { type: 'string', default: '40' },
  },
})
const fill: Fill = { tenants: Number(values.tenants), items: Number(values.items), events: Number(values.events) }
const rounds = Number(values.rounds)
const coldPerSecond = Number(values.cold)
const rate = Number(values.rate)
const together = Math.floor((fill.tenants - WARM) / rounds / coldPerSecond)
if (together < 1) throw new Error('there are too few tenants for so many rounds')

interface Answer {
  modelVersion: string
  source: string
  items: { itemId: string }[]
}

const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
const server = await startEmbeddedPostgres({
  directory: join(folder, 'postgres'),
  logger: createLogger('fatal'),
  settings: ['fsync=off'],
})
const start = (env: Record<string, string>) => startAttune(join(folder, 'data'), { DATABASE_URL: server.url, ...env })
let service = await start({ ROLES: 'api,trainer' })
try {
  const filling = performance.now()
  await makeTemplate(service, fill)
  await service.stop()
  const keys = await copyTenants(server.url, fill)
  const fillSeconds = Math.round((performance.now() - filling) / 1000)
  console.error(`filled in ${fillSeconds} s`)
  service = await start({ ROLES: 'api', MODEL_MEMORY_MB: values.memory })
  const users = usersOf(fill)
  const call = (tenant: number, n: number) => ({
    url: `${service.url}/v1/tenants/${nameOf(tenant)}/recommendations`,
    key: keys[tenant],
    body: { userId: userOf((n * 7919) % users), count: 10 },
  })
  const soldOut = new Set(Array.from({ length: fill.items }, (_, i) => i).filter((i) => i % 50 === 7))
  const wrong = { failed: 0, empty: 0, soldOut: 0, notPromoted: 0 }
  const check = (told: Told[]) => {
    for (const { status, body } of told) {
      if (status !== 200) {
        wrong.failed++
        continue
      }
      const { items, source } = JSON.parse(body) as Answer
      if (items.length !== 10) wrong.empty++
      if (items.some(({ itemId }) => soldOut.has(Number(itemId.slice('item-'.length))))) wrong.soldOut++
      if (source !== 'fine-tuned') wrong.notPromoted++
    }
    return told.map(({ ms }) => ms)
  }
  // Warm, compiled, and with its pool open.
  for (let turn = 0; turn < 3; turn++) await steadily(rate, WARM / 10, (n) => call(n % WARM, n))
  const alone: number[] = []
  const warm: number[] = []
  const cold: number[] = []
  let next = WARM
  for (let round = 0; round < rounds; round++) {
    const single = check(await steadily(rate, ALONE_SECONDS, (n) => call(0, n)))
    const [others, firsts] = await Promise.all([
      steadily(rate, together, (n) => call(n % WARM, n)),
      steadily(coldPerSecond, together, (n) => call(next++, n)),
    ])
    alone.push(quantile(single, 0.99))
    warm.push(quantile(check(others), 0.99))
    const first = check(firsts)
    cold.push(...first)
    console.log(
      `alone p50 ${quantile(single, 0.5)} p99 ${alone.at(-1)}; warm p50 ${quantile(
        others.map(({ ms }) => ms),
        0.5,
      )} p99 ${warm.at(-1)}; cold p50 ${quantile(first, 0.5)} p99 ${quantile(first, 0.99)} ms`,
    )
  }
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? NaN)
  const mib = (name: string) => Math.round(figure(name) / 2 ** 20)
  const result: Bench = {
    bench: 'tenants',
    ...fill,
    modelMemoryMb: Number(values.memory),
    fillSeconds,
    rounds,
    warmPerSecond: rate,
    coldPerSecond,
    coldAsked: cold.length,
    coldP50Ms: quantile(cold, 0.5),
    coldP99Ms: quantile(cold, 0.99),
    coldMostMs: quantile(cold, 1),
    aloneP99Ms: median(alone),
    warmP99Ms: median(warm),
    ratio: Number(median(warm.map((ms, i) => ms / alone[i])).toFixed(2)),
    ...wrong,
    models: figure('attune_live_models'),
    modelMiB: mib('attune_live_model_bytes'),
    evictions: figure('attune_live_model_evictions_total'),
    processMiB: mib('process_resident_memory_bytes'),
  }
  console.log(JSON.stringify(result))
} finally {
  await service.stop()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
}
