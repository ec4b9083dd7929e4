import type { Cluster } from './cluster.js'
import type { Load } from './load.js'
import { DOORS, type Door, loadedEvent, PAST_EVENTS, type Shop } from './shop.js'

/** What is wrong, in words. Empty: nothing. */
export type Findings = string[]

/** Ten would say no more than three, and fill a screen. */
const SHOWN = 3
const LIVE = `('queued', 'preparing', 'training', 'evaluating')`

interface EventRow {
  id: string
  userId: string
  itemId: string
  type: string
  arrival: number
}

/** Every event that was sent is stored once and as it was sent; those of the Kafka door in the order of their users. */
export async function eventFindings({ database }: Cluster, load: Load, shops: Shop[]): Promise<Findings> {
  const found: Findings = []
  for (const { id } of shops) {
    const rows = await database.query<EventRow>(
      `SELECT event_id AS id, user_id AS "userId", item_id AS "itemId", type, arrival::float8 AS arrival
       FROM events WHERE tenant_id = $1 ORDER BY arrival`,
      [id],
    )
    const clicks = load.clicks.get(id)!
    let expected = PAST_EVENTS + clicks.sent
    for (const door of DOORS) {
      const { sent, acknowledged } = load.sent.get(id)![door]
      expected += sent
      if (acknowledged < sent) found.push(`${id}: ${sent - acknowledged} events were never acknowledged by ${door}`)
      found.push(...doorFindings(id, door, sent, rows))
    }
    if (clicks.acknowledged < clicks.sent) found.push(`${id}: clicks were never acknowledged`)
    if (rows.length !== expected) found.push(`${id}: ${rows.length} events are stored, ${expected} were sent`)
    const foreign = rows.filter((row) => !row.userId.startsWith(`${id}/`) || !row.itemId.startsWith(`${id}/`))
    if (foreign.length > 0)
      found.push(`${id}: stores events of another tenant: ${JSON.stringify(foreign.slice(0, SHOWN))}`)
  }
  return found
}

function doorFindings(shop: string, door: Door, sent: number, rows: EventRow[]): Findings {
  const found: Findings = []
  const mine = rows.filter((row) => row.id.startsWith(`${door}-`))
  const there = new Set(mine.map((row) => row.id))
  const missing = Array.from({ length: sent }, (_, n) => `${door}-${n}`).filter((eventId) => !there.has(eventId))
  if (missing.length > 0)
    found.push(`${shop}: ${missing.length} events are lost: ${missing.slice(0, SHOWN).join(', ')}`)
  const newest = new Map<string, number>()
  for (const row of mine) {
    const n = Number(row.id.slice(door.length + 1))
    const event = loadedEvent(shop, door, n)
    if (event.userId !== row.userId || event.itemId !== row.itemId || event.type !== row.type)
      found.push(`${shop}: ${row.id} is not what was sent`)
    if (door === 'kafka' && n < (newest.get(row.userId) ?? -1)) found.push(`${shop}: ${row.id} came out of order`)
    newest.set(row.userId, n)
  }
  return found.slice(0, SHOWN)
}

/** Every run has ended, and has left one version at most. */
export async function runFindings({ database }: Cluster): Promise<Findings> {
  const stuck = await database.query<{ run: string }>(
    `SELECT tenant_id || ' ' || run_id || ' ' || state AS run FROM training_runs WHERE state IN ${LIVE}`,
  )
  const double = await database.query<{ run: string }>(
    'SELECT run_id AS run FROM model_versions WHERE run_id IS NOT NULL GROUP BY tenant_id, run_id HAVING count(*) > 1',
  )
  const unexplained = await database.query<{ run: string }>(
    `SELECT run_id AS run FROM training_runs WHERE state = 'failed' AND error IS NULL`,
  )
  return [
    ...stuck.map(({ run }) => `a run has not ended: ${run}`),
    ...double.map(({ run }) => `a run left two versions: ${run}`),
    ...unexplained.map(({ run }) => `a run failed and does not say why: ${run}`),
  ]
}

/** What was counted agrees with what it was counted of, and no message was taken for a bad one. */
export async function countFindings({ database }: Cluster, load: Load, shops: Shop[]): Promise<Findings> {
  const found: Findings = []
  const one = async (text: string, id: string) => {
    const [{ n }] = await database.query<{ n: number }>(text, [id])
    return n
  }
  for (const { id } of shops) {
    const stored = await one('SELECT count(*)::int AS n FROM events WHERE tenant_id = $1', id)
    const counted = await one(
      `SELECT coalesce(sum(accepted), 0)::int AS n FROM event_counts WHERE tenant_id = $1 AND grain = 'day'`,
      id,
    )
    // A killed process takes the counts of its last two seconds along; none may be there twice.
    if (counted > stored) found.push(`${id}: ${counted} events are counted, ${stored} are stored`)
    const served = await one(
      'SELECT coalesce(sum(cardinality(items)), 0)::int AS n FROM recommendations WHERE tenant_id = $1',
      id,
    )
    const clicked = await one(
      `SELECT count(*)::int AS n FROM attributions WHERE tenant_id = $1 AND outcome = 'click'`,
      id,
    )
    for (const table of ['online_positions', 'online_groups']) {
      const [sums] = await database.query<{ impressions: number; clicks: number }>(
        `SELECT coalesce(sum(impressions), 0)::int AS impressions, coalesce(sum(clicks), 0)::int AS clicks
         FROM ${table} WHERE tenant_id = $1`,
        [id],
      )
      if (sums.impressions !== served || sums.clicks !== clicked)
        found.push(`${id}: ${table} has ${JSON.stringify(sums)}, of ${served} items served and ${clicked} clicked`)
    }
    const versions = await database.query<{ id: string }>(
      'SELECT version_id AS id FROM model_versions WHERE tenant_id = $1',
      [id],
    )
    const own = new Set(['base', ...versions.map((version) => version.id)])
    for (const version of load.versions.get(id)!)
      if (!own.has(version)) found.push(`${id}: was answered by ${version}, which is none of its versions`)
  }
  const letters = await database.query<{ code: string; n: number }>(
    'SELECT code, count(*)::int AS n FROM dead_letters GROUP BY code',
  )
  found.push(...letters.map(({ code, n }) => `${n} messages were taken for bad ones: ${code}`))
  return found
}
