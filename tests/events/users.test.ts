import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventsService } from '../../src/events/events.service.js'
import { PERSONAL_TABLES } from '../../src/events/personal-data.js'
import { RetentionService } from '../../src/events/retention.service.js'
import { ERASURES_CHANNEL } from '../../src/events/users.service.js'
import { Database } from '../../src/platform/database.js'
import { testService, type TestService } from '../support/service.js'

const DAY = 86_400_000

describe("a user's data", () => {
  let service: TestService
  let events: EventsService
  let owner: pg.Client
  beforeAll(async () => {
    service = await testService()
    events = service.app.get(EventsService)
    owner = new pg.Client({ connectionString: service.databaseUrl })
    await owner.connect()
  })
  afterAll(async () => {
    await owner.end()
    await service.stop()
  })

  const recommend = (tenant: string, id: string, user: string, at = new Date()) =>
    owner.query(
      `INSERT INTO recommendations (tenant_id, recommendation_id, user_id, model_version, source, items, created_at)
       VALUES ($1, $2, $3, 'v1', 'base', '{a,b}', $4)`,
      [tenant, id, user, at],
    )
  const count = async (table: string, tenant: string, user: string) => {
    const { rows } = await owner.query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM ${table} WHERE tenant_id = $1 AND user_id = $2`,
      [tenant, user],
    )
    return rows[0].n
  }
  const eventsOf = (userId: string, n: number) =>
    Array.from({ length: n }, (_, i) => ({
      userId,
      itemId: `item ${i}`,
      type: 'view',
      occurredAt: new Date(Date.UTC(2024, 0, 1) + Math.floor(i / 3) * 1000).toISOString(),
      properties: { i },
    }))
  const ingest = async (tenant: string, userId: string, n: number) => {
    const all = eventsOf(userId, n)
    for (let from = 0; from < n; from += 1000) await events.ingest(tenant, all.slice(from, from + 1000))
  }

  it('reaches every table that has users', async () => {
    const { rows } = await owner.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'user_id'`,
    )
    expect(rows.map(({ name }) => name).sort()).toEqual(PERSONAL_TABLES.map(({ name }) => name).sort())
  })

  it('erases a user of one tenant everywhere, tells every instance, and proves it without the id', async () => {
    const [tenant, other] = [await service.makeTenant(), await service.makeTenant()]
    const user = 'Jane Doe/1'
    for (const { id } of [tenant, other]) {
      await ingest(id, user, 5)
      await ingest(id, 'someone else', 2)
      await recommend(id, 'r1', user)
    }
    const told = new Promise<string>((resolve) => {
      const listener = service.app.get(Database).listen(ERASURES_CHANNEL, (payload) => {
        resolve(payload)
        void listener.stop()
      })
    })
    // The connection on which the service and this listen has to be there before the notice.
    await expect
      .poll(
        async () =>
          (
            await owner.query(
              `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN ${ERASURES_CHANNEL}'`,
            )
          ).rowCount,
      )
      .toBe(1)

    const path = `/v1/tenants/${tenant.id}`
    const answer = await service.call('DELETE', `${path}/users/${encodeURIComponent(user)}`, { key: tenant.key })
    expect(answer).toMatchObject({ status: 202, body: { state: 'done' } })
    const { id } = answer.body as { id: string }
    expect(JSON.parse(await told)).toEqual({ tenantId: tenant.id, userId: user })
    for (const table of ['events', 'recommendations']) {
      expect(await count(table, tenant.id, user)).toBe(0)
      expect(await count(table, other.id, user)).toBeGreaterThan(0)
    }
    expect(await count('events', tenant.id, 'someone else')).toBe(2)

    const proof = await service.call('GET', `${path}/erasures/${id}`, { key: tenant.key })
    expect(proof).toMatchObject({
      status: 200,
      body: { id, state: 'done', removed: { events: 5, recommendations: 1 }, firstModelVersionWithout: null },
    })
    const audit = await service.call('GET', `${path}/audit`, { key: tenant.key })
    expect(JSON.stringify([proof.body, audit.body])).not.toContain('Jane')
    expect(JSON.stringify(audit.body)).toContain('user.erase')
    expect((await service.call('GET', `/v1/tenants/${other.id}/erasures/${id}`, { key: other.key })).status).toBe(404)
  })

  it('names the first version that neither saw the user nor descends from one that did', async () => {
    const tenant = await service.makeTenant()
    await ingest(tenant.id, 'u', 5)
    const train = async (version: string, parent: string | null) => {
      await owner.query(
        `INSERT INTO training_runs (tenant_id, run_id, state, start_from, requested_by, data_snapshot)
         VALUES ($1, $2, 'promoted', 'base', 'test', pg_current_snapshot()::text)`,
        [tenant.id, `run of ${version}`],
      )
      await owner.query(
        `INSERT INTO model_versions (tenant_id, version_id, run_id, parent_id, base_model, decision, reason, report, artifacts, size_bytes)
         VALUES ($1, $2, $3, $4, 'default', 'passed', '', '{}', '{}', 0)`,
        [tenant.id, version, `run of ${version}`, parent],
      )
    }
    await train('saw', null)
    const path = `/v1/tenants/${tenant.id}`
    const { body } = await service.call('DELETE', `${path}/users/u`, { key: tenant.key })
    const first = async () => {
      const answer = await service.call('GET', `${path}/erasures/${(body as { id: string }).id}`, { key: tenant.key })
      return (answer.body as { firstModelVersionWithout: string | null }).firstModelVersionWithout
    }
    expect(await first()).toBeNull()
    await train('descends', 'saw')
    expect(await first()).toBeNull()
    await train('afresh', null)
    await train('descends from afresh', 'afresh')
    expect(await first()).toBe('afresh')
  })

  it('exports everything, a line each, however much', async () => {
    const tenant = await service.makeTenant()
    await ingest(tenant.id, 'u', 2501)
    await recommend(tenant.id, 'r1', 'u')
    await ingest(tenant.id, 'someone else', 3)
    const exported = (user: string) =>
      fetch(`${service.url}/v1/tenants/${tenant.id}/users/${user}/export`, {
        headers: { authorization: `Bearer ${tenant.key}` },
      })
    const answer = await exported('u')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson')
    const text = await answer.text()
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toHaveLength(2502)
    expect(new Set(lines.map(({ userId }) => userId))).toEqual(new Set(['u']))
    const indices = lines
      .filter(({ kind }) => kind === 'event')
      .map(({ properties }) => (properties as { i: number }).i)
    expect(indices.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2501 }, (_, i) => i))
    expect(Object.keys(lines[0]).sort()).toEqual(
      ['eventId', 'itemId', 'kind', 'occurredAt', 'properties', 'receivedAt', 'type', 'userId'].sort(),
    )
    expect(lines.at(-1)).toMatchObject({ kind: 'recommendation', recommendationId: 'r1', items: ['a', 'b'] })
    const nobody = await exported('nobody')
    expect([nobody.status, await nobody.text()]).toEqual([200, ''])
  })

  it('joins a visitor to an account, in the order of time', async () => {
    const tenant = await service.makeTenant()
    const at = (day: number) => new Date(Date.UTC(2024, 0, day)).toISOString()
    await events.ingest(tenant.id, [
      { userId: 'account', itemId: 'first', type: 'view', occurredAt: at(1) },
      { userId: 'visitor', itemId: 'second', type: 'view', occurredAt: at(2) },
      { userId: 'account', itemId: 'third', type: 'view', occurredAt: at(3) },
    ])
    await recommend(tenant.id, 'r1', 'visitor')
    const merge = (user: string, body: unknown) =>
      service.call('POST', `/v1/tenants/${tenant.id}/users/${user}/merge`, { key: tenant.key, body })
    expect(await merge('visitor', { into: 'account' })).toMatchObject({
      status: 200,
      body: { userId: 'account', moved: { events: 1, recommendations: 1 } },
    })
    const history = await events.historyOf(tenant.id, 'account', 10)
    expect(history.map(({ itemId }) => itemId)).toEqual(['first', 'second', 'third'])
    expect(await events.historyOf(tenant.id, 'visitor', 10)).toEqual([])
    expect(await merge('visitor', { into: 'account' })).toMatchObject({ body: { moved: { events: 0 } } })
    expect(await merge('account', { into: 'account' })).toMatchObject({ status: 422, body: { code: 'SAME_USER' } })
    expect(await merge('account', { into: '' })).toMatchObject({ status: 400 })
    expect(await merge('account', {})).toMatchObject({ status: 400 })
  })

  it('deletes what is past the retention, in every table and no other tenant', async () => {
    const [short, keeps] = [await service.makeTenant(undefined, { retentionDays: 30 }), await service.makeTenant()]
    const now = Date.now()
    const aged = (days: number) => ({
      userId: 'u',
      itemId: `${days} days old`,
      type: 'view',
      occurredAt: new Date(now - days * DAY).toISOString(),
    })
    for (const { id } of [short, keeps]) {
      await events.ingest(id, [aged(29), aged(31)])
      await ingest(id, 'u', 6000)
      await recommend(id, 'old', 'u', new Date(now - 31 * DAY))
      await recommend(id, 'young', 'u', new Date(now - 29 * DAY))
    }
    await service.app.get(RetentionService).sweep(now)
    expect(await events.historyOf(short.id, 'u', 10)).toMatchObject([{ itemId: '29 days old' }])
    expect(await count('recommendations', short.id, 'u')).toBe(1)
    expect(await count('events', keeps.id, 'u')).toBe(6002)
    expect(await count('recommendations', keeps.id, 'u')).toBe(2)
  })
})
