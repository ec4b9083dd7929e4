// Kills a process of a cluster every twenty seconds, under load, and says whether anything came of it: see scripts/cluster.
import { parseArgs } from 'node:util'
import { Random } from '../src/model/random.js'
import { kafkaScripts } from '../scripts/cluster/broker-process.js'
import { killByTurns } from '../scripts/cluster/chaos.js'
import { Cluster } from '../scripts/cluster/cluster.js'
import { countFindings, eventFindings, type Findings, runFindings } from '../scripts/cluster/findings.js'
import { Load } from '../scripts/cluster/load.js'
import { openShop, type Shop } from '../scripts/cluster/shop.js'
import { pause, until } from '../scripts/cluster/system.js'
import { TrainerWatch } from '../scripts/cluster/trainer-watch.js'
import { Trainings } from '../scripts/cluster/trainings.js'
import type { Bench } from './report.js'

const KILL_EVERY_MS = 20_000
const HEALTHY_WITHIN_MS = 30_000
/** A connection is given five seconds to be made, and the pool as long again for the next. */
const GRACE_MS = 5000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    events: { type: 'string', default: '500' },
    requests: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
const rates = { eventsPerSecond: Number(values.events), requestsPerSecond: Number(values.requests) }
if (![minutes, ...Object.values(rates)].every((figure) => figure > 0)) {
  console.error('usage: chaos [--minutes N] [--events N a second] [--requests N a second] [--seed N]')
  process.exit(2)
}
const { checkKafka, prepareKafka } = await kafkaScripts()
const possible = await checkKafka()
if (!possible.ok) {
  console.error(`SKIPPED: ${possible.reason}`)
  process.exit(1)
}
await prepareKafka()

// Ctrl+C reaches this program only: its end is that of all others.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
console.error('starting PostgreSQL, three brokers and two processes of each role ...')
const cluster = await Cluster.start()
const findings: Findings = []
let startedAt = 0
try {
  const shops: Shop[] = []
  for (const number of [1, 2, 3, 4]) shops.push(await openShop(cluster, `shop-${number}`, ['network']))
  // Its runs take long enough to be met by a kill; they would take longer and longer if its events became more.
  const trained = await openShop(cluster, 'with-network', [])
  const load = new Load(cluster, shops, rates).start()
  startedAt = Date.now()
  const watch = new TrainerWatch(cluster)
  const trainings = new Trainings(cluster, load, [trained, ...shops])
  const random = new Random(Number(values.seed))
  const kills = await killByTurns(
    cluster,
    { everyMs: KILL_EVERY_MS, forMs: minutes * 60_000 - KILL_EVERY_MS, random: () => random.next() },
    ({ name, seconds }) => console.error(`killed ${name}: it answered again after ${seconds} s`),
  )
  const lastKill = kills.at(-1)?.at ?? Date.now()
  await pause(Math.max(0, lastKill + KILL_EVERY_MS - Date.now()))
  // What is in flight may take long where something is wrong: health is asked for by the clock.
  const stopped = load.stop()
  await until('health', async () => (await cluster.complaints()).length === 0, 60_000, 500).catch(() => undefined)
  const complaints = await cluster.complaints()
  const healthyAfter = (Date.now() - lastKill) / 1000
  if (complaints.length > 0) findings.push(...complaints.map((complaint) => `not healthy: ${complaint}`))
  else if (healthyAfter * 1000 > HEALTHY_WITHIN_MS) findings.push(`healthy only ${healthyAfter} s after the last kill`)
  await stopped
  await trainings.stop()
  await watch.stop()
  // Counts are written every few seconds.
  const counted = () => countFindings(cluster, load, shops)
  await until('counts', async () => (await counted()).length === 0, 30_000, 1000).catch(() => undefined)
  const runs = await cluster.database.query<{ id: string; state: string; attempt: number }>(
    'SELECT run_id AS id, state, attempt FROM training_runs',
  )
  const ids = runs.map(({ id }) => id)
  findings.push(
    ...(await eventFindings(cluster, load, shops)),
    ...(await runFindings(cluster)),
    ...(await counted()),
    ...watch.doubled(ids).map((id) => `two trainers worked on ${id}`),
    ...load.ledger.faults.map((fault) => JSON.stringify(fault)),
    ...load.ledger
      .unexcused(cluster.database.outages, GRACE_MS)
      .map((fault) => `503 for no reason: ${JSON.stringify(fault)}`),
  )
  if (load.ledger.timeouts > 0) findings.push(`${load.ledger.timeouts} requests were never answered`)
  const [{ stored, counts }] = await cluster.database.query<{ stored: number; counts: number }>(
    `SELECT (SELECT count(*)::int FROM events) AS stored,
       (SELECT sum(accepted)::int FROM event_counts WHERE grain = 'day') AS counts`,
  )
  const errors = cluster.services.flatMap((service) => service.logged(50).map(({ msg }) => msg))
  const result: Bench = {
    bench: 'chaos',
    minutes,
    ...rates,
    kills: tally(kills.map(({ name }) => name)),
    backAfterSeconds: Object.fromEntries(
      ['api', 'ingest', 'trainer', 'broker', 'postgres'].map((role) => [
        role,
        Math.max(0, ...kills.filter(({ name }) => name.startsWith(role)).map(({ seconds }) => seconds)),
      ]),
    ),
    endedByThemselves: tally(cluster.services.flatMap(({ endings }) => endings.map(({ name }) => name))),
    eventsStored: stored,
    eventsUncountedInCharts: stored - counts,
    statuses: load.ledger.statuses,
    notReady: load.ledger.notReady.length,
    transportErrors: load.ledger.transportErrors,
    recommendationsMs: {
      p50: load.ledger.percentile('recommendations', 0.5),
      p99: load.ledger.percentile('recommendations', 0.99),
    },
    eventsMs: { p50: load.ledger.percentile('events', 0.5), p99: load.ledger.percentile('events', 0.99) },
    slowCalls: spells(load.ledger.slow.map(({ at }) => at)),
    clientHeldUpSeconds: load.ledger.heldUpSeconds,
    runs: tally(runs.map(({ state }) => state)),
    runsTakenOver: runs.filter(({ attempt }) => attempt > 1).length,
    longestOrphanSeconds: watch.longestOrphan(ids),
    healthyAfterSeconds: Math.round(healthyAfter * 10) / 10,
    errorsLogged: tally(errors),
    findings: findings.slice(0, 50),
  }
  if (values.keep) {
    console.error(`kept: ${cluster.folder}`)
    console.log(JSON.stringify(result))
    process.exit(findings.length > 0 ? 1 : 0)
  }
  await cluster.stop()
  console.log(JSON.stringify(result))
} catch (error) {
  if (values.keep) console.error(`kept: ${cluster.folder}`)
  else await cluster.stop()
  console.error(error)
  process.exit(1)
}
process.exit(findings.length > 0 ? 1 : 0)

/** How many calls were slow, by the tens of seconds of the run in which they were made. */
function spells(moments: number[]): Record<string, number> {
  return tally(moments.map((at) => `${Math.floor((at - startedAt) / 10_000) * 10} s`))
}

function tally(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
