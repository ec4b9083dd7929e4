// Latency of POST /recommendations for the fine-tuned gift shop: run the quickstart first, this serves what it made.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { packagePath } from '../src/platform/paths.js'
import { readSample } from '../scripts/quickstart/shops.js'
import { startAttune } from '../scripts/quickstart/service.js'
import { median, type Bench } from './report.js'

const CONNECTIONS = 16
const SECONDS = 10
const ROUNDS = 3

const dataDir = packagePath('.attune', 'quickstart')
if (!existsSync(join(dataDir, 'postgres'))) {
  console.error('There is no fine-tuned gift shop yet: `npm run quickstart -- --exit` makes it.')
  process.exit(1)
}
const shop = readSample('gift-shop', 'Gift shop')
const users = [...new Set(shop.past.map((event) => event.userId))]
const service = await startAttune(dataDir, {})
try {
  await service.call('PATCH', '/v1/tenants/gift-shop', {
    body: { settings: { quotas: { requestsPerSecond: 1_000_000 } } },
  })
  const { key, id } = await service.call<{ key: string; id: string }>('POST', '/v1/tenants/gift-shop/keys', {
    body: { scopes: ['recommend'], name: 'bench' },
  })
  const url = `${service.url}/v1/tenants/gift-shop/recommendations`
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const bodies = users.map((userId) => JSON.stringify({ userId, count: 10 }))
  const run = (connections: number, duration: number) =>
    autocannon({
      url,
      connections,
      duration,
      requests: bodies.map((body) => ({ method: 'POST' as const, headers, body })),
    })
  await run(CONNECTIONS, 3)
  const loaded = []
  const single = []
  for (let round = 0; round < ROUNDS; round++) {
    loaded.push(await run(CONNECTIONS, SECONDS))
    single.push(await run(1, 3))
  }
  const failed = [...loaded, ...single].reduce(
    (sum, { non2xx, errors, timeouts }) => sum + non2xx + errors + timeouts,
    0,
  )
  const { modelVersion, source } = await service.call<{ modelVersion: string; source: string }>(
    'POST',
    '/v1/tenants/gift-shop/recommendations',
    {
      body: { userId: users[0], count: 10 },
    },
  )
  await service.call('DELETE', `/v1/tenants/gift-shop/keys/${id}`)
  const result: Bench = {
    bench: 'serve',
    connections: CONNECTIONS,
    rounds: ROUNDS,
    source,
    fineTuned: modelVersion !== 'base',
    p50Ms: median(loaded.map((r) => r.latency.p50)),
    p99Ms: median(loaded.map((r) => r.latency.p99)),
    requestsPerSecond: Math.round(median(loaded.map((r) => r.requests.average))),
    p50MsOneConnection: median(single.map((r) => r.latency.p50)),
    p99MsOneConnection: median(single.map((r) => r.latency.p99)),
    failed,
  }
  console.log(JSON.stringify(result))
} finally {
  await service.stop()
}
