// What a tenant that sends a hundred times its quota costs another one: requests and events of the noisy one are refused
// for the most part, and the quiet one's latency is compared with and without them, in phases that take turns.
//
//   npm run bench:noisy -- [--items 1000] [--events 20000] [--quota 10] [--times 100] [--rounds 8] [--seconds 8]
//
// The noisy one comes over 32 connections that stay open, half of its calls asking for recommendations, half sending
// batches of 100 events. Latency of the quiet one counts from when a call was due.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { pause, startAttune } from '../scripts/quickstart/service.js'
import { median, type Bench } from './report.js'
import { makeShop, userOf, usersOf } from './tenants/fill.js'
import { quantile, steadily } from './tenants/load.js'

const CONNECTIONS = 32
const BATCH = 100

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000' },
    events: { type: 'string', default: '20000' },
    quota: { type: 'string', default: '10' },
    times: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '8' },
    rate: { type: 'string', default: '40' },
  },
})
const fill = { tenants: 1, items: Number(values.items), events: Number(values.events) }
const quota = Number(values.quota)
const perSecond = quota * Number(values.times)
const seconds = Number(values.seconds)
const rate = Number(values.rate)

const folder = await mkdtemp(join(tmpdir(), 'attune-bench-'))
const service = await startAttune(join(folder, 'data'), { ROLES: 'api' })
try {
  const quiet = await makeShop(service, 'quiet', fill)
  const noisy = await makeShop(service, 'noisy', { ...fill, events: 1000 })
  await service.call('PATCH', '/v1/tenants/noisy', {
    body: { settings: { quotas: { requestsPerSecond: quota, eventsPerSecond: quota } } },
  })
  const users = usersOf(fill)
  let failed = 0
  const ask = async (duration: number) => {
    const told = await steadily(rate, duration, (n) => ({
      url: `${service.url}/v1/tenants/quiet/recommendations`,
      key: quiet,
      body: { userId: userOf((n * 7919) % users), count: 10 },
    }))
    failed += told.filter(({ status }) => status !== 200).length
    return told.map(({ ms }) => ms)
  }
  const headers = { authorization: `Bearer ${noisy}`, 'content-type': 'application/json' }
  const events = Array.from({ length: BATCH }, (_, i) => ({ userId: userOf(i), itemId: `item-${i}`, type: 'view' }))
  const shout = (duration: number) =>
    autocannon({
      url: service.url,
      connections: CONNECTIONS,
      // In a thread of its own: what it takes to send must not hold up the clock of the quiet one.
      workers: 1,
      overallRate: perSecond,
      duration,
      requests: [
        {
          method: 'POST',
          path: '/v1/tenants/noisy/recommendations',
          headers,
          body: JSON.stringify({ userId: userOf(1), count: 10 }),
        },
        { method: 'POST', path: '/v1/tenants/noisy/events', headers, body: JSON.stringify({ events }) },
      ],
    })
  // Compiled, its model there; and the noisy one's burst is used up.
  await ask(5)
  await shout(3)
  const ratios: number[] = []
  const alone: number[] = []
  const beside: number[] = []
  let sent = 0
  let refused = 0
  for (let round = 0; round < Number(values.rounds); round++) {
    // Each phase is first in every second round: what a machine does besides is the same for both.
    const phases = [
      async () => void alone.push(quantile(await ask(seconds), 0.99)),
      async () => {
        const noise = shout(seconds + 1)
        await pause(500)
        beside.push(quantile(await ask(seconds), 0.99))
        const told = await noise
        sent += told.requests.total
        refused += told['4xx']
        failed += told['5xx'] + told.errors + told.timeouts
      },
    ]
    for (const phase of round % 2 === 0 ? phases : phases.reverse()) await phase()
    ratios.push(beside[round] / alone[round])
    console.log(`p99 alone ${alone[round]}, beside the noisy one ${beside[round]} ms: ${ratios[round].toFixed(2)}`)
  }
  const result: Bench = {
    bench: 'noisy',
    ...fill,
    quotaPerSecond: quota,
    noisyPerSecond: perSecond,
    quietPerSecond: rate,
    rounds: ratios.length,
    aloneP99Ms: median(alone),
    besideP99Ms: median(beside),
    ratio: Number(median(ratios).toFixed(2)),
    noisySent: sent,
    noisyRefused: refused,
    failed,
  }
  console.log(JSON.stringify(result))
} finally {
  await service.stop()
  await rm(folder, { recursive: true, force: true })
}
