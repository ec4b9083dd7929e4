// What a tenant that sends a hundred times its quota costs another one: requests and events of the noisy one are refused
// for the most part, and the quiet one's latency is compared with and without them, in phases that take turns.
//
//   npm run bench:noisy -- [--sender bursts|steady] [--items 1000] [--events 20000] [--quota 10] [--times 100]
//     [--rounds 8] [--seconds 8]
//
// Half of the noisy one's calls ask for recommendations, half send batches of 100 events. By `bursts` it comes over 32
// connections that stay open, each of which sends its share of a second as fast as it is answered; by `steady` it sends at
// even pace, whatever becomes of the calls before, over as many connections as that takes. In a third phase the same is sent
// to a plain server that answers each call at once: what the sender costs a machine that it shares with the service.
// Latency of the quiet one counts from when a call was due.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import autocannon from 'autocannon'
import { pause, startAttune } from '../scripts/quickstart/service.js'
import type { Sending, Sent } from './noisy/steady-sender.js'
import { median, type Bench } from './report.js'
import { makeShop, userOf, usersOf } from './tenants/fill.js'
import { quantile, steadily } from './tenants/load.js'

const CONNECTIONS = 32
const BATCH = 100

const { values } = parseArgs({
  options: {
    sender: { type: 'string', default: 'bursts' },
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
  const requests = [
    { path: '/v1/tenants/noisy/recommendations', body: JSON.stringify({ userId: userOf(1), count: 10 }) },
    { path: '/v1/tenants/noisy/events', body: JSON.stringify({ events }) },
  ].map((request) => ({ method: 'POST' as const, headers, ...request }))
  const inBursts = async (url: string, duration: number): Promise<Sent> => {
    // In a thread of its own: what it takes to send must not hold up the clock of the quiet one.
    const options = { url, connections: CONNECTIONS, workers: 1, overallRate: perSecond, duration, requests }
    const told = await autocannon(options)
    const failed = told['5xx'] + told.errors + told.timeouts
    return { sent: told.requests.total, refused: told['4xx'], failed, connections: CONNECTIONS }
  }
  const steadySending = async (url: string, duration: number): Promise<Sent> => {
    const texts = requests.map(({ method, path, body }) => {
      const lines = [`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', `authorization: ${headers.authorization}`]
      lines.push(`content-type: ${headers['content-type']}`, `content-length: ${Buffer.byteLength(body)}`)
      return `${lines.join('\r\n')}\r\n\r\n${body}`
    })
    const workerData: Sending = { url, perSecond, seconds: duration, requests: texts }
    const [told] = (await once(
      new Worker(new URL('./noisy/steady-sender.js', import.meta.url), { workerData }),
      'message',
    )) as [Sent]
    return told
  }
  const shout = values.sender === 'steady' ? steadySending : inBursts
  const plain = fork(new URL('./noisy/plain-server.js', import.meta.url))
  const [plainPort] = (await once(plain, 'message')) as [number]
  // Compiled, its model there; and the noisy one's burst is used up.
  await ask(5)
  await shout(service.url, 3)
  const alone: number[] = []
  const control: number[] = []
  const beside: number[] = []
  const sent: Sent[] = []
  const sentToPlain: Sent[] = []
  const besideNoise = async (url: string, told: Sent[]) => {
    const noise = shout(url, seconds + 1)
    await pause(500)
    const p99 = quantile(await ask(seconds), 0.99)
    told.push(await noise)
    return p99
  }
  // The phases change places from round to round: what a machine does besides is the same for all.
  const phases = [
    async () => void alone.push(quantile(await ask(seconds), 0.99)),
    async () => void control.push(await besideNoise(`http://127.0.0.1:${plainPort}`, sentToPlain)),
    async () => void beside.push(await besideNoise(service.url, sent)),
  ]
  for (let round = 0; round < Number(values.rounds); round++) {
    for (let turn = 0; turn < phases.length; turn++) await phases[(round + turn) % phases.length]()
    console.log(
      `p99 alone ${alone[round]}, beside the sender ${control[round]}, beside the noisy one ${beside[round]} ms`,
      JSON.stringify(sent[round]),
    )
  }
  plain.disconnect()
  const ratioOf = (ms: number[], to: number[]) => Number(median(ms.map((one, i) => one / to[i])).toFixed(2))
  const sum = (field: keyof Sent) => sent.reduce((total, told) => total + told[field], 0)
  const result: Bench = {
    bench: 'noisy',
    ...fill,
    quotaPerSecond: quota,
    noisyPerSecond: perSecond,
    quietPerSecond: rate,
    sender: values.sender,
    rounds: alone.length,
    aloneP99Ms: median(alone),
    besideSenderP99Ms: median(control),
    besideP99Ms: median(beside),
    ratio: ratioOf(beside, alone),
    ratioOfSender: ratioOf(control, alone),
    ratioToSender: ratioOf(beside, control),
    noisySent: sum('sent'),
    noisyRefused: sum('refused'),
    sentToPlain: sentToPlain.reduce((total, told) => total + told.sent, 0),
    failed: failed + sum('failed'),
  }
  console.log(JSON.stringify(result))
} finally {
  await service.stop()
  await rm(folder, { recursive: true, force: true })
}
