import { setTimeout as sleep } from 'node:timers/promises'
import { format } from 'prettier'
import type { Counter } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/platform/database.js'
import { Metrics } from '../../src/platform/metrics.js'
import { RunQueue } from '../../src/training/run-queue.js'
import { TrainingMetrics } from '../../src/training/training-metrics.js'
import { failuresInARow, TrainingWatch } from '../../src/training/training-watch.js'
import { testService, type TestService } from '../support/service.js'

/** Where in the reference a metric is told of, by how its name begins. */
const SECTIONS: [title: string, prefixes: string[]][] = [
  ['Requests', ['attune_http_', 'attune_quota']],
  ['Recommendations', ['attune_recommendation', 'attune_attributions_', 'attune_online_']],
  ['Events and items', ['attune_events_', 'attune_items_']],
  ['Kafka', ['attune_kafka_']],
  ['Models in memory', ['attune_live_model', 'attune_unusable_versions_', 'attune_tensor_engine']],
  ['Freshness and drift', ['attune_freshness_', 'attune_drift']],
  ['Training', ['attune_training_']],
  ['Database and disk', ['attune_database_', 'attune_data_dir_', 'attune_retention_']],
  ['Instance', ['attune_info']],
]

const INTRODUCTION = `# Metrics of the service

Every metric of \`GET /metrics\`, made from the service itself by \`npx vitest run tests/operations/metrics.test.ts -u\`; that test fails where this page and the service differ. Beside these there are the [default ones](https://github.com/siimon/prom-client#default-metrics) of the process and of Node (\`process_*\`, \`nodejs_*\`). What a version's own figures mean is told in [metrics.md](metrics.md).

Counters and histograms are those of one process: sum them over instances. Times are in seconds. No label ever holds an id of a user, an item or a key. \`tenant\` is a tenant's id for the \`METRICS_TENANTS\` busiest ones and \`other\` for all the rest together; where a gauge has it, only the tenants that are worst off are there.
`

describe('metrics', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService({ METRICS_TENANTS: '2' })
  })
  afterAll(() => service.stop())
  const scrape = async () => (await service.call('GET', '/metrics', { key: '' })).body as string
  const seriesOf = async (name: string) =>
    (await scrape()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))

  it('are all in the reference, and nothing else is', async () => {
    const all = service.app.get(Metrics).registry.getMetricsAsArray() as unknown as {
      name: string
      help: string
      type: string
      labelNames?: string[]
    }[]
    const own = all.filter(({ name }) => !/^(process|nodejs)_/.test(name))
    const homeless = own.filter(
      ({ name }) => !SECTIONS.some(([, prefixes]) => prefixes.some((p) => name.startsWith(p))),
    )
    expect(homeless.map(({ name }) => name)).toEqual([])
    expect(own.filter(({ name }) => !/^attune_[a-z_]+$/.test(name))).toEqual([])
    const sections = SECTIONS.map(([title, prefixes]) => {
      const rows = own
        .filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, type, labelNames = [], help }) => {
          const labels = labelNames.map((label) => `\`${label}\``).join(', ')
          return `| \`${name}\` | ${type} | ${labels} | ${help.replaceAll('|', '\\|')} |`
        })
      return [`## ${title}`, '', '| metric | type | labels | tells |', '| --- | --- | --- | --- |', ...rows].join('\n')
    })
    const page = [INTRODUCTION, ...sections].join('\n\n')
    const options = { parser: 'markdown', printWidth: 120, proseWrap: 'preserve' } as const
    await expect(await format(page, options)).toMatchFileSnapshot('../../docs/metrics-reference.md')
  })

  it('tell of requests by route and of tenants by name up to the limit, never by what is in a path', async () => {
    const tenants = []
    for (const id of ['acme', 'bravo', 'charlie', 'delta']) tenants.push(await service.makeTenant(id))
    for (const { id, key } of tenants) {
      const path = `/v1/tenants/${id}`
      await service.call('POST', `${path}/items`, {
        key,
        body: { items: [{ itemId: 'secret-item', title: 'A lamp' }, 1] },
      })
      const event = { userId: 'secret-user', itemId: 'secret-item', type: 'view', eventId: 'secret-event' }
      await service.call('POST', `${path}/events`, { key, body: { events: [event, event, { userId: 1 }] } })
      await service.call('GET', `${path}/users/secret-user/recommendations?count=5`, { key })
      await service.call('GET', `${path}/items/secret-item/similar`, { key })
      await service.call('GET', `${path}/secret-path`, { key })
      await service.call('GET', `${path}/items/secret-item`, { key: 'no-secret-key' })
    }
    await service.call('GET', '/%ZZsecret')
    await service.call('GET', '/v1/tenants/secret-nobody/items')
    const text = await scrape()
    expect(text).not.toContain('secret')
    expect(text).toContain(
      'attune_http_request_seconds_count{method="GET",route="/v1/tenants/:tenant/users/:userId/recommendations",status="2xx"} 4',
    )
    expect(text).toContain(
      'attune_http_request_seconds_count{method="GET",route="/v1/tenants/:tenant/items/:itemId",status="4xx"} 4',
    )
    expect(text).toContain('attune_http_request_seconds_count{method="GET",route="unmatched",status="4xx"} 5')
    const named = async (name: string) => {
      const labels = (await seriesOf(name)).map((line) => /tenant="([^"]*)"/.exec(line)?.[1])
      return [...new Set(labels)].sort()
    }
    for (const name of [
      'attune_http_tenant_requests_total',
      'attune_events_accepted_total',
      'attune_recommendations_total',
    ])
      expect(await named(name), name).toEqual(['acme', 'bravo', 'other'])
    expect(await seriesOf('attune_events_accepted_total')).toEqual(
      ['acme"', 'bravo"', 'other"'].map(
        (t, i) => `attune_events_accepted_total{tenant="${t},source="http"} ${i < 2 ? 1 : 2}`,
      ),
    )
    expect(text).toContain('attune_events_duplicates_total{tenant="other",source="http"} 2')
    expect(text).toContain('attune_events_rejected_total{tenant="other",source="http",code="INVALID_EVENT"} 2')
    expect(text).toContain('attune_items_rejected_total{tenant="other",code="INVALID_ITEM"} 2')
    // One item, and five were asked for; the only other item that could be similar is itself.
    expect(text).toContain('attune_recommendations_short_total{tenant="other",extent="short"} 2')
    expect(text).toContain('attune_recommendations_short_total{tenant="other",extent="empty"} 2')
    expect(text).toMatch(/^attune_live_models 4$/m)
    expect(text).toMatch(/^attune_live_model_build_seconds_count\{kind="cold"\} 4$/m)
    // The one that asks.
    expect(text).toMatch(/^attune_http_requests_in_flight 1$/m)
  })

  it('tell of the database: its pool, its statements and what fails there', async () => {
    const database = service.app.get(Database)
    await expect(database.query('acme', 'SELECT 1/0')).rejects.toThrow()
    const holding = database.query('acme', 'SELECT pg_sleep(0.5)')
    await sleep(100)
    const text = await scrape()
    await holding
    expect(text).toContain('attune_database_errors_total{class="22"} 1')
    expect(Number(/attune_database_connections\{state="used"\} (\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(1)
    expect(text).toMatch(/^attune_database_connections_max 20$/m)
    expect(text).toMatch(/^attune_database_waiting 0$/m)
    expect(text).toMatch(/attune_database_query_seconds_count\{operation="SELECT"\} [1-9]/)
    expect(text).toMatch(/^attune_database_wait_seconds_count [1-9]/m)
    await expect
      .poll(async () => Number((await seriesOf('attune_database_bytes'))[0].split(' ')[1]))
      .toBeGreaterThan(1e6)
    expect((await seriesOf('attune_data_dir_free_bytes'))[0]).toMatch(/database="elsewhere"\} [1-9]/)
  })

  it('tell how training ended, and why the gate refused', async () => {
    const training = service.app.get(TrainingMetrics)
    const check = (name: string, passed: boolean, required = true) => ({ name, passed, required })
    training.refused({
      gate: {
        decision: 'rejected',
        reason: '',
        checks: [check('enough users', true), check('beats popularity', false), check('overfitting', false, false)],
      },
    })
    training.ended({ state: 'failed', outcome: 'failed', error: { code: 'TRAINING_CRASHED', message: '' } }, 70)
    const text = await scrape()
    const refusals = await seriesOf('attune_training_gate_refusals_total')
    expect(refusals).toEqual(['attune_training_gate_refusals_total{check="beats popularity"} 1'])
    expect(text).toContain('attune_training_runs_total{state="failed",outcome="failed"} 1')
    expect(text).toContain('attune_training_failures_total{code="TRAINING_CRASHED"} 1')
    expect(text).toContain('attune_training_run_seconds_bucket{le="120",outcome="failed"} 1')
  })
})

describe('the watch over training', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService({ ROLES: 'api', METRICS_TENANTS: '2' })
  })
  afterAll(() => service.stop())

  it('counts failures from the newest run back', () => {
    expect(failuresInARow(['failed', 'failed', 'promoted', 'failed'])).toBe(2)
    expect(failuresInARow(['rejected', 'failed'])).toBe(0)
    expect(failuresInARow(['failed'])).toBe(1)
    expect(failuresInARow([])).toBe(0)
  })

  it('names the tenants that are worst off, and only those', async () => {
    const database = service.app.get(Database)
    const queue = service.app.get(RunQueue)
    // Ends of runs, the oldest first.
    const histories: Record<string, string[]> = {
      calm: ['failed', 'failed', 'promoted'],
      worst: ['promoted', 'failed', 'failed', 'failed'],
      bad: ['failed', 'cancelled', 'failed'],
      new: ['failed'],
    }
    for (const [id, states] of Object.entries(histories)) {
      await service.makeTenant(id)
      for (const [number, state] of states.entries()) {
        await database.inTenant(id, (sql) =>
          sql.execute(
            `INSERT INTO training_runs (tenant_id, run_id, state, start_from, requested_by, outcome, created_at, finished_at)
             VALUES ($1, $2, $3, 'base', 'test', $3, now() - make_interval(hours => $4), now())`,
            [id, `r${number}`, state, 10 - number],
          ),
        )
      }
    }
    await database.inTenant('calm', (sql) =>
      sql.execute(`INSERT INTO promotions (tenant_id, kind, actor) VALUES ('calm', 'automatic', 'test')`),
    )
    await service.app.get(TrainingWatch).look()
    const gauge = (name: string) => service.app.get(Metrics).registry.getSingleMetric(name) as unknown as Counter
    const failures = await gauge('attune_training_failures_in_a_row').get()
    expect(failures.values.map(({ labels, value }) => [labels.tenant, value])).toEqual([
      ['worst', 3],
      ['bad', 2],
    ])
    const unpromoted = await gauge('attune_training_unpromoted_seconds').get()
    expect(unpromoted.values).toHaveLength(2)
    for (const { labels, value } of unpromoted.values) {
      expect(labels.tenant).not.toBe('calm')
      expect(value / 3600).toBeCloseTo(10, 1)
    }
    expect(await queue.waiting()).toBe(0)
  })
})
