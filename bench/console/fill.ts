import pg from 'pg'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'

export interface Fill {
  tenants: number
  /** Of each tenant; as many runs. */
  versions: number
  /** Of the largest tenant; the others have fifty. */
  items: number
  events: number
}

/** The tenant with many items. */
export const LARGE = 'shop-large'

const METHODS = ['candidate', 'champion', 'base', 'popular', 'recent', 'text', 'lexical', 'wide', 'narrow', 'fresh']
const METRICS = ['ndcg', 'hitRate', 'precision', 'recall', 'f1', 'mrr']
const SLICES = ['oneEvent', 'newUsers', 'lightUsers', 'returning', 'coldItems', 'head', 'tail']
const EPOCHS = 20

/** A report as large as real ones, of figures that mean nothing. */
function report(seed: number) {
  let at = seed
  const figure = () => {
    at = (at * 48_271) % 2_147_483_647
    return at / 2_147_483_647
  }
  const interval = () => ({ mean: figure(), low: figure(), high: figure() })
  const metrics = () => Object.fromEntries(METRICS.map((name) => [name, interval()]))
  const slices = () => Object.fromEntries(SLICES.map((name) => [name, { users: 300, ndcg: interval() }]))
  const lists = () => ({
    coverage: figure(),
    novelty: figure(),
    gini: figure(),
    headShare: figure(),
    coldShare: figure(),
  })
  const epoch = (epoch: number) => ({
    ...{ epoch, trainLoss: figure(), validationLoss: figure(), gap: figure() },
    ...{ trainNdcg: figure(), validationNdcg: figure(), ndcgGap: figure() },
  })
  const curve = () => ({ epochs: Array.from({ length: EPOCHS }, (_, i) => epoch(i)), bestEpoch: 7, steps: 900 })
  const method = () => ({ ...metrics(), at: { 5: metrics(), 20: metrics() }, ...lists(), slices: slices() })
  const check = (name: string) => ({ name, passed: true, required: true, detail: `${name} holds`, figures: interval() })
  return {
    engine: 'wasm',
    seconds: 60,
    dataWindow: { from: '2026-01-01', validationFrom: '2026-03-01', testFrom: '2026-03-05', to: '2026-03-10' },
    counts: { events: 100_000, users: 5000, items: 3000 },
    metrics: Object.fromEntries(METHODS.map((name) => [name, method()])),
    gate: { decision: 'passed', reason: 'made up', checks: [...SLICES, ...METHODS].map(check) },
    recipe: { served: 'fine-tuned', reasons: Object.fromEntries(METHODS.map((name) => [name, `because of ${name}`])) },
    curves: { candidate: curve(), 'from-scratch': curve() },
  }
}

const VERSION_OF = (tenant: string, n: string) => `'v-' || ${tenant} || '-' || ${n}`

/** By the owner of the tables, past row-level security: as many rows as a real service would write in months. */
export async function fillDatabase(url: string, { tenants, versions, items, events }: Fill): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const run = async (what: string, sql: string, values: unknown[] = []) => {
    const started = performance.now()
    await client.query(sql, values)
    console.error(`${what}: ${Math.round((performance.now() - started) / 1000)} s`)
  }
  try {
    await run(
      'tenants',
      `INSERT INTO tenants (tenant_id, name, base_model, settings)
       SELECT CASE i WHEN 1 THEN $2 ELSE 'shop-' || i END, 'Shop ' || i, 'default', '{}' FROM generate_series(1, $1::int) i`,
      [tenants, LARGE],
    )
    await run(
      'keys',
      `INSERT INTO api_keys (tenant_id, key_id, name, secret_hash, scopes, expires_at)
       SELECT tenant_id, 'key-' || i, 'key ' || i, sha256(tenant_id::bytea), '{manage}',
         CASE WHEN i = 1 AND random() < 0.05 THEN now() + interval '3 days' END
       FROM tenants, generate_series(1, 5) i`,
    )
    await run(
      'audit',
      `INSERT INTO audit_log (tenant_id, actor, action, target) SELECT tenant_id, 'operator', 'key.create', 'key-' || i
       FROM tenants, generate_series(1, 200) i`,
    )
    const reports = Array.from({ length: 16 }, (_, i) => JSON.stringify(report(i + 1)))
    await client.query('CREATE TEMP TABLE reports AS SELECT r::jsonb AS report FROM unnest($1::text[]) r', [reports])
    await run(
      'versions',
      `INSERT INTO model_versions (tenant_id, version_id, run_id, base_model, created_at, decision, reason, report, artifacts, size_bytes)
       SELECT t.tenant_id, ${VERSION_OF('t.tenant_id', 'i')}, 'r-' || i, 'default', now() - make_interval(days => $1::int - i),
         CASE WHEN (hashtext(t.tenant_id) + i) % 4 = 0 THEN 'rejected' ELSE 'passed' END, 'made up', r.report, '{}', 1000000
       FROM tenants t, generate_series(1, $1::int) i JOIN (SELECT report, row_number() OVER () AS n FROM reports) r ON r.n = 1 + i % 16`,
      [versions],
    )
    await run(
      'promotions',
      `INSERT INTO promotions (tenant_id, version_id, kind, actor, promoted_at)
       SELECT tenant_id, version_id, 'automatic', 'run', created_at FROM model_versions WHERE decision = 'passed' ORDER BY created_at`,
    )
    const status = {
      progress: 1,
      epoch: 20,
      step: 900,
      loss: 3.2,
      validation: 0.1,
      detail: 'It beats the champion. '.repeat(20),
    }
    const quality = { read: 100_000, kept: 90_000, users: 5000, dropped: { duplicates: 6000, bots: 4000 } }
    await run(
      'runs',
      `INSERT INTO training_runs (tenant_id, run_id, state, start_from, reason, requested_by, created_at, started_at, finished_at,
         status, quality, outcome, version_id, error)
       SELECT t.tenant_id, 'r-' || i, CASE WHEN failed THEN 'failed' ELSE 'promoted' END, 'active', 'schedule', 'schedule',
         at, at, at + interval '1 min', $2, $3, CASE WHEN failed THEN 'failed' ELSE 'promoted' END,
         ${VERSION_OF('t.tenant_id', 'i')}, CASE WHEN failed THEN '{"code": "INTERNAL", "message": "made up"}'::jsonb END
       FROM tenants t, generate_series(1, $1::int) i, LATERAL (SELECT now() - make_interval(days => $1::int - i) AS at,
         (hashtext(t.tenant_id) + i / 3) % 20 = 0 AS failed) one`,
      [versions, JSON.stringify(status), JSON.stringify(quality)],
    )
    await run(
      'events of the largest tenant’s runs',
      `INSERT INTO training_run_events (tenant_id, run_id, number, kind, data)
       SELECT tenant_id, run_id, i, 'progress', status FROM training_runs, generate_series(1, 300) i WHERE tenant_id = $1`,
      [LARGE],
    )
    for (const [grain, count] of [
      ['minute', 120],
      ['hour', 240],
      ['day', 90],
    ] as const)
      await run(
        `counts by ${grain}`,
        `INSERT INTO event_counts (tenant_id, grain, at, type, accepted, duplicates, rejected)
         SELECT tenant_id, $1, date_trunc($1, now(), 'UTC') - i * ('1 ' || $1)::interval, type, 100, 1, 1
         FROM tenants, generate_series(0, $2::int) i, unnest('{view,cart,purchase,like}'::text[]) type ORDER BY 1, 2, 3, 4`,
        [grain, count],
      )
    await run(
      'items',
      `INSERT INTO items (tenant_id, item_id, title, categories, image_url, price, vector)
       SELECT t.tenant_id, 'item-' || i, 'An item with number ' || i, '{things}', 'https://images.example/' || i || '.jpg', 9.5,
         decode(repeat(md5(i::text), ${TEXT_LENGTH / 4}), 'hex')
       FROM tenants t, LATERAL generate_series(1, CASE t.tenant_id WHEN $1 THEN $2::int ELSE 50 END) i`,
      [LARGE, items],
    )
    await run(
      'events',
      `INSERT INTO events (tenant_id, event_id, user_id, item_id, type, occurred_at)
       SELECT $1, 'e' || i, 'user-' || i::bigint * 7919 % ($2::int / 20 + 1), 'item-' || 1 + i::bigint * 104729 % $3::int, 'view',
         now() - make_interval(secs => i) FROM generate_series(1, $2::int) i`,
      [LARGE, events, items],
    )
    await run(
      'dead letters',
      `INSERT INTO dead_letters (tenant_id, topic, partition, "offset", met_at, code, reason, key, value, value_bytes, headers, attempts, failed_at)
       SELECT 'shop-' || i % 100, 'attune.events', i % 12, i, '', (ARRAY['NOT_JSON', 'INVALID_EVENT', 'NO_VALUE'])[1 + i % 3], 'made up',
         'key', decode(repeat(md5(i::text), 20), 'hex'), 320, '{}', 1, now() - make_interval(secs => i) FROM generate_series(1, 50000) i`,
    )
    await run('statistics', 'VACUUM ANALYZE')
  } finally {
    await client.end()
  }
}
