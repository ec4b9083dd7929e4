import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { pause, type RunningService } from '../../scripts/quickstart/service.js'
import { Random } from '../../src/model/random.js'

export interface Fill {
  tenants: number
  /** Of each tenant. */
  items: number
  events: number
}

/** The tenant that is trained; the others are copies of it, rows and version. */
export const TEMPLATE = 'shop-0'
export const nameOf = (i: number) => `shop-${i}`
export const userOf = (i: number) => `user-${i}`

const BATCH = 1000
const EVENTS_A_USER = 10
const DAY_MS = 86_400_000
const COLOURS = ['red', 'blue', 'green', 'black', 'white', 'golden', 'silver', 'purple', 'orange', 'pink']
const THINGS = ['lamp', 'chair', 'mug', 'clock', 'basket', 'mirror', 'candle', 'blanket', 'vase', 'bowl', 'tray']

export const usersOf = ({ events }: Fill) => Math.max(1, Math.round(events / EVENTS_A_USER))

/** Makes a shop whose users mostly go on to the next kind of thing in the same colour. @returns a key of it */
export async function makeShop(service: RunningService, id: string, fill: Fill): Promise<string> {
  const random = new Random(1)
  const items = Array.from({ length: fill.items }, (_, i) => ({
    itemId: `item-${i}`,
    title: `${COLOURS[i % COLOURS.length]} ${THINGS[Math.floor(i / COLOURS.length) % THINGS.length]} number ${i}`,
    categories: [COLOURS[i % COLOURS.length]],
    price: 1 + (i % 90),
    // Some that must never be shown.
    available: i % 50 !== 7,
  }))
  const now = Date.now()
  const users = usersOf(fill)
  const at = Array.from({ length: users }, () => Math.floor(fill.items * random.next() ** 2))
  const events = Array.from({ length: fill.events }, (_, n) => {
    const user = n % users
    const item = at[user]
    at[user] = (random.next() < 0.85 ? item + COLOURS.length : random.below(fill.items)) % fill.items
    const occurredAt = new Date(now - DAY_MS * (1 + 60 * (1 - n / fill.events))).toISOString()
    return { eventId: `e-${n}`, userId: userOf(user), itemId: `item-${item}`, type: 'view', occurredAt }
  })
  const { apiKey } = await service.call<{ apiKey: string }>('POST', '/v1/tenants', {
    body: { id, settings: { quotas: { requestsPerSecond: 100_000, eventsPerSecond: 1_000_000 } } },
  })
  const path = `/v1/tenants/${id}`
  for (let from = 0; from < items.length; from += BATCH)
    await service.call('POST', `${path}/items`, { body: { items: items.slice(from, from + BATCH) } })
  for (let from = 0; from < events.length; from += BATCH)
    await service.call('POST', `${path}/events`, { body: { events: events.slice(from, from + BATCH) } })
  return apiKey
}

/** Makes the tenant that the others are copies of, and has it trained. */
export async function makeTemplate(service: RunningService, fill: Fill): Promise<void> {
  await makeShop(service, TEMPLATE, fill)
  const path = `/v1/tenants/${TEMPLATE}`
  const { id } = await service.call<{ id: string }>('POST', `${path}/training-runs`, { body: { from: 'base' } })
  for (;;) {
    const run = await service.call<{ state: string; modelVersion: string | null; error: unknown }>(
      'GET',
      `${path}/training-runs/${id}`,
    )
    if (run.state === 'failed') throw new Error(`the training failed: ${JSON.stringify(run.error)}`)
    if (run.state === 'rejected' && run.modelVersion)
      await service.call('POST', `${path}/model-versions/${run.modelVersion}/promote`)
    if (['promoted', 'rejected', 'skipped'].includes(run.state)) return
    await pause(500)
  }
}

/** By the owner of the tables, past row-level security. @returns a key of each tenant, the template's first */
export async function copyTenants(url: string, { tenants }: Fill): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const columns = async (table: string) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 AND column_name <> 'tenant_id'
         AND is_identity = 'NO' AND is_generated = 'NEVER'`,
      [table],
    )
    return rows.map(({ name }) => name).join(', ')
  }
  try {
    for (const table of ['tenants', 'items', 'events', 'model_versions', 'model_artifacts', 'promotions']) {
      const names = await columns(table)
      // A tenant at a time: in one statement a thousand of them would be one transaction of gigabytes.
      for (let i = 1; i < tenants; i++)
        await client.query(
          `INSERT INTO ${table} (tenant_id, ${names}) SELECT $1, ${names} FROM ${table} WHERE tenant_id = $2`,
          [nameOf(i), TEMPLATE],
        )
    }
    const keys = Array.from({ length: tenants }, (_, i) => {
      const tenant = Buffer.from(nameOf(i)).toString('base64url')
      return `attune.${tenant}.bench.${randomBytes(32).toString('base64url')}`
    })
    await client.query(
      `INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes)
       SELECT k.tenant_id, 'bench', 'bench', k.hash, '{recommend,ingest}' FROM unnest($1::text[], $2::bytea[]) AS k (tenant_id, hash)`,
      [keys.map((_, i) => nameOf(i)), keys.map((key) => createHash('sha256').update(key).digest())],
    )
    await client.query('VACUUM ANALYZE')
    return keys
  } finally {
    await client.end()
  }
}
