// Two real shops, from nothing to a fine-tuned recommender, through the same REST calls that any client makes.
import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { packagePath } from '../src/platform/paths.js'
import { startBroker, type Door } from './quickstart/door.js'
import { pause, startAttune, type RunningService } from './quickstart/service.js'
import { bold, count, dim, green, heading, percent, say, seconds, table } from './quickstart/show.js'
import { judge, readSample, type SampleShop } from './quickstart/shops.js'
import { followRuns, requestRun, showVersion } from './quickstart/training.js'

const { values: options } = parseArgs({
  options: {
    exit: { type: 'boolean', default: false },
    kafka: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (options.help) {
  say(`npm run quickstart [-- --exit] [-- --kafka]

  --exit    stop when everything has been shown, instead of going on serving
  --kafka   send the events through a Kafka broker that is started for it (needs Java 17 and Maven)

What it makes is kept in .attune/quickstart; delete that folder to start anew. PORT chooses the port.`)
  process.exit(0)
}

export interface Shop extends SampleShop {
  key: string
  /** The customer whose lists are shown, and what they were before and after. */
  example: SampleShop['next'][number]
  before: Map<string, string[]>
}

const LIST = 10
/** Events before that make a customer's lists be about something, and few enough to be told what they are about. */
const [LEAST_PAST, MOST_PAST] = [8, 40]

const shops = [readSample('gift-shop', 'Gift shop'), readSample('bookshop', 'Bookshop')]
heading('Starting Attune')
const dataDir = packagePath('.attune', 'quickstart')
await mkdir(dataDir, { recursive: true })
const door: Door = await startBroker(options.kafka)
const service = await startAttune(dataDir, door.environment)
const stop = async () => {
  await service.stop()
  await door.stop()
}
process.once('SIGINT', () => void stop().then(() => process.exit(130)))
process.once('SIGTERM', () => void stop().then(() => process.exit(143)))

try {
  say(`  ${service.url}, an embedded PostgreSQL in ${dataDir}${options.kafka ? ', a Kafka broker' : ''}`)
  const opened = []
  for (const shop of shops) opened.push(await openShop(service, shop))

  heading(`Sending items and the first 90 % of the events over ${options.kafka ? 'Kafka' : 'REST'}, in order of time`)
  await Promise.all(opened.map((shop) => fill(service, shop)))

  heading('Recommending before any training')
  for (const shop of opened) {
    shop.before = await listsOf(service, shop)
    const { serving } = await service.call<{ serving: string }>('GET', `/v1/tenants/${shop.id}/readiness`)
    say(`  ${shop.name}: served by ${bold(serving)}`)
  }

  heading('Fine-tuning both shops, each in a process of its own')
  const runs = await Promise.all(opened.map((shop) => requestRun(service, shop.id)))
  const versions = await followRuns(service, opened, runs)

  for (const [index, shop] of opened.entries()) await untilServed(service, shop, versions[index])
  for (const [index, shop] of opened.entries()) {
    heading(`${shop.name}: what decided`)
    await showVersion(service, shop, versions[index])
    await showAfter(service, shop)
  }
  heading(green('Done'))
  tryNext(service, opened[0])
  if (!options.exit) {
    say(dim('\nServing until Ctrl+C.'))
    await service.ended
  }
  await stop()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await stop()
  process.exitCode = 1
}

/** Makes the tenant, or a further key for one that an earlier quickstart made. */
async function openShop(service: RunningService, shop: SampleShop): Promise<Shop> {
  // Trained when asked only: the quickstart decides when.
  // Of both shops all there is: the books go back five years.
  const settings = { training: { schedule: null, minIntervalMinutes: 0, historyDays: 3650 } }
  const made = await service.call<{ apiKey?: string }>('POST', '/v1/tenants', {
    body: { id: shop.id, name: shop.name, settings },
    accept: [409],
  })
  const scopes = ['ingest', 'recommend', 'train', 'manage']
  const key =
    made.apiKey ??
    (
      await service.call<{ key: string }>('POST', `/v1/tenants/${shop.id}/keys`, {
        body: { scopes, name: 'quickstart' },
      })
    ).key
  return { ...shop, key, example: shop.next[0], before: new Map() }
}

/** A customer whose lists are worth a look, and how it was chosen: who reads them has to know that most have no hit. */
function exampleOf(shop: Shop, lists: Map<string, string[]>): { example: Shop['example']; how: string } {
  const pasts = new Map<string, number>()
  for (const { userId } of shop.past) pasts.set(userId, (pasts.get(userId) ?? 0) + 1)
  const known = shop.next.filter(({ userId }) => {
    const past = pasts.get(userId) ?? 0
    return past >= LEAST_PAST && past <= MOST_PAST
  })
  const hit = known.find(({ userId, items }) => lists.get(userId)?.some((id) => items.has(id)))
  const who = `of these customers with ${LEAST_PAST} to ${MOST_PAST} earlier events`
  if (hit)
    return { example: hit, how: `chosen to show a hit: the first ${who} whose next basket the list of now meets` }
  return { example: known[0] ?? shop.next[0], how: `the first ${who}: the list of now meets the next basket of none` }
}

/** Items over REST, events through the door; what an earlier quickstart sent is a duplicate and changes nothing. */
async function fill(service: RunningService, shop: Shop) {
  const started = seconds()
  for (let at = 0; at < shop.items.length; at += 1000) {
    const items = shop.items
      .slice(at, at + 1000)
      .map(({ id, title, categories }) => ({ itemId: id, title, categories }))
    await service.call('POST', `/v1/tenants/${shop.id}/items`, { key: shop.key, body: { items } })
  }
  const events = shop.past.map(({ userId, itemId, at, type, value }, index) => ({
    eventId: String(index),
    userId,
    itemId,
    type,
    ...(value !== null && { value }),
    occurredAt: new Date(at * 1000).toISOString(),
  }))
  const sent = await door.send(service, shop, events)
  const duplicates = sent.duplicates > 0 ? `, ${count(sent.duplicates)} of them known already` : ''
  say(
    `  ${shop.name}: ${count(shop.items.length)} items, ${count(events.length)} events${duplicates} ${dim(`(${seconds() - started} s)`)}`,
  )
}

/** What REST recommends to each customer whose next basket is known. */
async function listsOf(service: RunningService, shop: Shop): Promise<Map<string, string[]>> {
  const lists = new Map<string, string[]>()
  const queue = [...new Set([shop.example, ...shop.next])]
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let customer = queue.shift(); customer; customer = queue.shift()) {
        const { items } = await service.call<{ items: { itemId: string }[] }>(
          'POST',
          `/v1/tenants/${shop.id}/recommendations`,
          {
            key: shop.key,
            body: { userId: customer.userId, count: LIST },
          },
        )
        lists.set(
          customer.userId,
          items.map((item) => item.itemId),
        )
      }
    }),
  )
  return lists
}

/** A promotion is served within seconds; a version that the gate refused is not waited for. */
async function untilServed(service: RunningService, shop: Shop, versionId: string) {
  const started = Date.now()
  const { serving } = await service.call<{ serving: boolean }>(
    'GET',
    `/v1/tenants/${shop.id}/model-versions/${versionId}`,
  )
  if (!serving) return say(`  ${shop.name}: ${versionId} is not served`)
  for (;;) {
    const { modelVersion } = await service.call<{ modelVersion: string }>(
      'POST',
      `/v1/tenants/${shop.id}/recommendations`,
      {
        key: shop.key,
        body: { userId: shop.example.userId, count: LIST },
      },
    )
    if (modelVersion === versionId) break
    if (Date.now() - started > 60_000) throw new Error(`${shop.name} is still served by ${modelVersion}`)
    await pause(100)
  }
}

async function showAfter(service: RunningService, shop: Shop) {
  const after = await listsOf(service, shop)
  const [was, is] = [judge(shop.before, shop.next), judge(after, shop.next)]
  say(
    `\n  The lists that REST gave ${shop.next.length} returning customers, against the basket each bought next (never sent to the service):`,
  )
  table([
    ['', 'NDCG@10', 'customers with a hit'],
    ['at the start', percent(was.ndcg), percent(was.hitRate)],
    ['now', percent(is.ndcg), percent(is.hitRate)],
  ])
  const { example, how } = exampleOf(shop, after)
  shop.example = example
  const { userId, items } = example
  const titled = (id: string | undefined) => {
    const title = (shop.titles.get(id ?? '') ?? '').slice(0, 46)
    return items.has(id ?? '') ? `${title} ✓` : title
  }
  say(`\n  Customer ${userId}, ${how} (✓: in the next basket)`)
  const [old, now] = [shop.before.get(userId) ?? [], after.get(userId) ?? []]
  table([
    ['', 'before'.padEnd(48), 'after'.padEnd(48)],
    ...now.map((id, rank) => [String(rank + 1), titled(old[rank]).padEnd(48), titled(id).padEnd(48)]),
  ])
}

function tryNext(service: RunningService, shop: Shop) {
  const root = `${service.url}/v1/tenants/${shop.id}`
  say(`
  Try it (the operator's key is in ${service.keyPath}):

  KEY=${shop.key}
  curl -s '${root}/users/${shop.example.userId}/recommendations?count=5' -H "Authorization: Bearer $KEY"
  curl -s '${root}/recommendations' -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
    -d '{"history": ["${shop.items[0].id}"], "count": 5, "explain": true, "returnProperties": true}'
  curl -s '${root}/model-versions' -H "Authorization: Bearer $KEY"

  Console: ${service.url}/console    API explorer: ${service.url}/docs${
    options.exit ? '\n\n  It stops now; `npm run quickstart` goes on from here, and serves.' : ''
  }`)
}
