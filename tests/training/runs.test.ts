import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import pg from 'pg'
import { pino } from 'pino'
import { Database } from '../../src/platform/database.js'
import { VersionsService } from '../../src/registry/versions.service.js'
import { TenantsService } from '../../src/tenants/tenants.service.js'
import { learnedBy } from '../../src/training/learned-by.js'
import { RunReports } from '../../src/training/run-reports.js'
import { NEXT_RUN, RunQueue } from '../../src/training/run-queue.js'
import { RunsService } from '../../src/training/runs.service.js'
import { FIRST_RUN_SECONDS, turnOf } from '../../src/training/turn.js'
import { isDue, lastTick, nextTick, Scheduler } from '../../src/training/scheduler.js'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from './shop.js'

interface RunBody {
  id: string
  state: string
  outcome: string | null
  error: { code: string } | null
}

// No trainer in this service: the tests take the runs themselves.
describe('training runs', () => {
  let service: TestService
  let database: Database
  let queue: RunQueue
  const shop = madeUpShop(60, 80)
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    database = service.app.get(Database)
    queue = service.app.get(RunQueue)
  })
  afterAll(() => service.stop())

  const runs = (id: string) => `/v1/tenants/${id}/training-runs`
  const tenantWithShop = async (settings = {}) => {
    const tenant = await service.makeTenant(undefined, settings)
    await send(service, tenant, shop)
    return tenant
  }
  const ask = async (tenant: { id: string; key: string }, body: object = {}) => {
    const answer = await service.call('POST', runs(tenant.id), { key: tenant.key, body })
    return { status: answer.status, body: answer.body as RunBody & Record<string, unknown> }
  }
  const show = async (tenant: { id: string; key: string }, runId: string) =>
    (await service.call('GET', `${runs(tenant.id)}/${runId}`, { key: tenant.key })).body as RunBody
  /** Claims until this tenant's run is taken; others are put back. */
  const claim = async (owner: string) => {
    const claimed = await queue.claim(owner)
    if (!claimed) throw new Error('no run to claim')
    return claimed
  }
  const finishAll = async () => {
    for (;;) {
      const claimed = await queue.claim('cleaner')
      if (!claimed) return
      await queue.finish(claimed, { state: 'rejected', outcome: 'rejected' })
    }
  }

  it('says what is missing where there is too little to train on', async () => {
    const tenant = await service.makeTenant()
    await send(service, tenant, { items: shop.items.slice(0, 5), events: shop.events.slice(0, 30) })
    const { status, body } = await ask(tenant)
    expect(status).toBe(422)
    expect(body.code).toBe('NOT_ENOUGH_DATA')
    const missing = body.missing as { what: string; words: string; have: number }[]
    expect(missing.map(({ what }) => what).sort()).toEqual(['events', 'items', 'usersWithHistory'])
    expect(missing.map(({ words }) => words).sort()).toEqual(['events', 'items', 'users with history'])
    expect(missing.find(({ what }) => what === 'items')).toMatchObject({ have: 5, need: 20 })
    expect((body.errors as { message: string }[])[0].message).toMatch(/of at least/)
  })

  it('queues one run of a tenant at a time, however many ask at once', async () => {
    const tenant = await tenantWithShop()
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(tenant, { reason: 'because' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409])
    const queued = answers.find(({ status }) => status === 202)?.body
    // Nothing is served yet that it could go on from.
    expect(queued).toMatchObject({ state: 'queued', from: 'base', reason: 'because', progress: null })
    const refused = answers.find(({ status }) => status === 409)?.body
    expect(refused).toMatchObject({ code: 'RUN_IN_PROGRESS', runId: queued?.id })
    await finishAll()
  })

  it('takes a body-less request, and refuses a wrong one', async () => {
    const tenant = await tenantWithShop()
    expect((await service.call('POST', runs(tenant.id), { key: tenant.key })).status).toBe(202)
    expect((await ask(tenant, { from: 'nowhere' })).status).toBe(400)
    await finishAll()
  })

  it('cancels a queued run at once, and leaves an ended one as it is', async () => {
    const tenant = await tenantWithShop()
    const { body } = await ask(tenant)
    const cancel = () => service.call('POST', `${runs(tenant.id)}/${body.id}/cancel`, { key: tenant.key })
    expect(await cancel()).toMatchObject({
      status: 200,
      body: { state: 'cancelled', outcome: 'cancelled', detail: 'cancelled before it began' },
    })
    expect(await cancel()).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    expect((await ask(tenant)).status).toBe(202)
    await finishAll()
  })

  it('tells the trainer of a run that it was cancelled', async () => {
    const tenant = await tenantWithShop()
    const { body } = await ask(tenant)
    const claimed = await claim('one')
    expect(await queue.heartbeat(claimed)).toBe('held')
    await queue.report(claimed, { status: { detail: 'fine-tuning' } }, [])
    await service.call('POST', `${runs(tenant.id)}/${body.id}/cancel`, { key: tenant.key })
    expect(await queue.heartbeat(claimed)).toBe('cancelled')
    await queue.finish(claimed, { state: 'cancelled', outcome: 'cancelled' })
    expect(await show(tenant, body.id)).toMatchObject({
      state: 'cancelled',
      cancelRequested: true,
      detail: 'cancelled while fine-tuning',
    })
  })

  /** As if the run that waits had been asked for so long ago, and the tenant's runs before had begun and lasted so long. */
  const history = async (tenantId: string, waited: number, before: { began: number; lasted: number }[] = []) => {
    await database.query(
      tenantId,
      `UPDATE training_runs SET created_at = now() - make_interval(secs => $2) WHERE tenant_id = $1 AND state = 'queued'`,
      [tenantId, waited],
    )
    for (const [i, { began, lasted }] of before.entries())
      await database.query(
        tenantId,
        `INSERT INTO training_runs (tenant_id, run_id, state, start_from, requested_by, created_at, started_at, finished_at, version_id)
         SELECT $1, $2, 'rejected', 'base', 'test', at, at, at + make_interval(secs => $4), 'v'
         FROM (SELECT now() - make_interval(secs => $3) AS at) moment`,
        [tenantId, `before-${i}`, began, lasted],
      )
  }

  it('gives each run to one trainer, in the order of their turns', async () => {
    const H = 3600
    // Waited, and what the last run took; what was had within the last day.
    const cases = [
      { waited: 600, before: [], turn: { expected: FIRST_RUN_SECONDS, used: 0 } },
      { waited: 4 * H, before: [{ began: 50 * H, lasted: 2 * H }], turn: { expected: 2 * H, used: 0 } },
      { waited: 4 * H, before: [{ began: 10 * H, lasted: 2 * H }], turn: { expected: 2 * H, used: 2 * H } },
      { waited: 300, before: [{ began: 30 * H, lasted: 40 }], turn: { expected: 40, used: 0 } },
      // Asks again as soon as one has ended.
      {
        waited: 620,
        before: Array.from({ length: 20 }, (_, i) => ({ began: 1200 + 900 * i, lasted: 800 })),
        turn: { expected: 800, used: 16_000 },
      },
      // Half of it is more than a day ago.
      { waited: 5 * H, before: [{ began: 26 * H, lasted: 4 * H }], turn: { expected: 4 * H, used: 2 * H } },
    ]
    const turns = new Map<string, number>()
    for (const { waited, before, turn } of cases) {
      const tenant = await tenantWithShop()
      await ask(tenant)
      await history(tenant.id, waited, before)
      turns.set(tenant.id, turnOf({ waited, ...turn }))
    }
    const expected = [...turns].sort(([, a], [, b]) => b - a).map(([id]) => id)
    const claims = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((owner) => queue.claim(owner)))
    expect(new Set(claims.map((claimed) => claimed?.run.tenantId))).toEqual(new Set([...expected, undefined]))
    for (const claimed of claims) if (claimed) await queue.giveBack(claimed, 'its trainer stops')
    const order: string[] = []
    for (const owner of expected) order.push((await claim(owner)).run.tenantId)
    expect(order).toEqual(expected)
    // Who asks again and again is last, and comes all the same.
    expect(order.at(-1)).toBe([...turns.keys()][4])
    await database.asSystem((sql) => sql.execute(`UPDATE training_runs SET state = 'failed' WHERE state = 'preparing'`))
  })

  it('goes by what a trainer has found out of a run that waits, above all', async () => {
    const [long, short] = [await tenantWithShop(), await tenantWithShop()]
    for (const tenant of [long, short]) {
      await ask(tenant)
      await history(tenant.id, 600)
    }
    const estimated = async ({ id }: { id: string }, seconds: number) =>
      database.query(id, 'UPDATE training_runs SET estimate = $2 WHERE tenant_id = $1', [
        id,
        JSON.stringify({ seconds }),
      ])
    await estimated(long, 7200)
    await estimated(short, 60)
    expect((await claim('a')).run.tenantId).toBe(short.id)
    expect((await claim('a')).run.tenantId).toBe(long.id)
    await database.asSystem((sql) => sql.execute(`UPDATE training_runs SET state = 'failed' WHERE state = 'preparing'`))
  })

  it('finds what waits by the index of live runs, however many have ended', async () => {
    const tenant = await service.makeTenant()
    await database.query(
      tenant.id,
      `INSERT INTO training_runs (tenant_id, run_id, state, start_from, requested_by, finished_at)
       SELECT $1, 'ended-' || i, 'rejected', 'base', 'test', now() FROM generate_series(1, 20000) i`,
      [tenant.id],
    )
    const client = new pg.Client({ connectionString: service.databaseUrl })
    await client.connect()
    await client.query('ANALYZE training_runs')
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${NEXT_RUN}`)
    await client.end()
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toContain('training_runs_one_live')
    expect(plan).not.toContain('Seq Scan on training_runs')
  })

  it('are no more a day than the quota says, where they are asked for', async () => {
    const tenant = await tenantWithShop({ quotas: { trainingRunsPerDay: 2 } })
    for (let i = 0; i < 2; i++) {
      expect((await ask(tenant, { force: true })).status).toBe(202)
      await finishAll()
    }
    const answer = await service.call('POST', runs(tenant.id), { key: tenant.key, body: { force: true } })
    expect(answer).toMatchObject({ status: 429, body: { code: 'QUOTA_EXCEEDED', quota: 'training runs' } })
    const retryAfter = Number(answer.headers.get('retry-after'))
    expect(retryAfter).toBeGreaterThan(86_000)
    expect(retryAfter).toBeLessThanOrEqual(86_400)
    // The schedule goes on, and what is older than a day no longer counts.
    const scheduled = await service.app
      .get(RunsService)
      .request(tenant.id, { from: 'base', force: true }, { name: 'schedule' })
    expect(scheduled.state).toBe('queued')
    await finishAll()
    await database.query(
      tenant.id,
      `UPDATE training_runs SET created_at = created_at - interval '25 hours' WHERE tenant_id = $1`,
      [tenant.id],
    )
    expect((await ask(tenant, { force: true })).status).toBe(202)
    await finishAll()
    for (const wrong of [0, -1, 1.5, 1e9, '2', null, {}])
      expect(
        (
          await service.call('PATCH', `/v1/tenants/${tenant.id}`, {
            body: { settings: { quotas: { trainingRunsPerDay: wrong } } },
          })
        ).status,
      ).toBe(wrong === null ? 200 : 400)
  })

  it('takes over a run whose lease ran out, and lets the lost trainer change nothing', async () => {
    const tenant = await tenantWithShop()
    const { body } = await ask(tenant)
    const lost = await claim('lost')
    expect(await queue.claim('other')).toBeUndefined()
    const expire = () =>
      database.query(tenant.id, `UPDATE training_runs SET lease_until = now() - interval '1 s' WHERE tenant_id = $1`, [
        tenant.id,
      ])
    await expire()
    const taken = await claim('other')
    expect(taken.run).toMatchObject({ id: body.id, attempt: 2 })
    expect(await queue.heartbeat(lost)).toBe('lost')
    await queue.report(lost, { status: { progress: 0.9 } }, [{ kind: 'progress', data: {} }])
    expect(await queue.finish(lost, { state: 'promoted', outcome: 'promoted' })).toBe(false)
    await queue.giveBack(lost, 'its trainer stops')
    expect(await show(tenant, body.id)).toMatchObject({ state: 'preparing', progress: 0, attempt: 2 })
    await expire()
    expect((await claim('third')).run.attempt).toBe(3)
    await expire()
    expect(await queue.claim('fourth')).toBeUndefined()
    expect(await show(tenant, body.id)).toMatchObject({ state: 'failed', error: { code: 'TRAINER_LOST' } })
  })

  it('counts no attempt for a trainer that stopped in order', async () => {
    const tenant = await tenantWithShop()
    const { body } = await ask(tenant)
    for (let i = 0; i < 5; i++) await queue.giveBack(await claim('stopping'), 'its trainer stops')
    expect(await show(tenant, body.id)).toMatchObject({ state: 'queued', attempt: 0 })
    await finishAll()
  })

  /** The run that waits, as a trainer has it that has read the tenant's data. */
  async function claimedAndRead(tenantId: string) {
    const claimed = await claim('trainer')
    const [{ snapshot }] = await database.query<{ snapshot: string }>(
      tenantId,
      'SELECT pg_current_snapshot()::text AS snapshot',
    )
    await queue.report(claimed, { dataSnapshot: snapshot }, [])
    return claimed
  }

  it('skips where nothing is new, until an event or an item is, or it is forced', async () => {
    const tenant = await tenantWithShop()
    await ask(tenant)
    const claimed = await claimedAndRead(tenant.id)
    await queue.finish(claimed, { state: 'rejected', outcome: 'rejected', versionId: 'v-some' })
    const skipped = await ask(tenant)
    expect(skipped).toMatchObject({ status: 200, body: { state: 'skipped', outcome: 'nothing-new' } })
    expect(skipped.body.detail).toMatch(/no event, no item, and no setting.*--force/)
    const forced = await ask(tenant, { force: true })
    expect(forced.status).toBe(202)
    await service.call('POST', `${runs(tenant.id)}/${forced.body.id}/cancel`, { key: tenant.key })
    // The very same events again are nothing new either.
    const again = { events: shop.events.slice(0, 10) }
    const answer = await service.call('POST', `/v1/tenants/${tenant.id}/events`, { key: tenant.key, body: again })
    expect(answer.body).toMatchObject({ duplicates: 10 })
    expect((await ask(tenant)).status).toBe(200)
    await send(service, tenant, { events: [{ ...shop.events[0], eventId: 'another' }] })
    const news = await ask(tenant)
    expect(news.status).toBe(202)
    await finishAll()
  })

  it('takes a changed setting for news where training goes by it', async () => {
    const tenant = await tenantWithShop({ hideAfter: ['read', 'purchase'] })
    await ask(tenant)
    const claimed = await claimedAndRead(tenant.id)
    const version = await service.app.get(VersionsService).create(
      tenant.id,
      {
        runId: claimed.run.id,
        parentId: null,
        baseModel: 'default',
        decision: 'rejected',
        reason: '',
        report: { settings: learnedBy(await service.app.get(TenantsService).get(tenant.id)) },
      },
      {},
    )
    await queue.finish(claimed, { state: 'rejected', outcome: 'rejected', versionId: version.id })
    expect((await ask(tenant)).status).toBe(200)
    const set = (settings: object) =>
      service.call('PATCH', `/v1/tenants/${tenant.id}`, { key: tenant.key, body: { settings } })
    await set({ training: { autoPromote: false }, hideAfter: ['purchase', 'read'] })
    expect((await ask(tenant)).status).toBe(200)
    for (const settings of [{ training: { historyDays: 9000 } }, { eventTypes: { view: { weight: 0.4 } } }]) {
      expect((await set(settings)).status).toBe(200)
      const { status, body } = await ask(tenant)
      expect(status).toBe(202)
      await service.call('POST', `${runs(tenant.id)}/${body.id}/cancel`, { key: tenant.key })
    }
    await set({ training: { historyDays: null }, eventTypes: null })
    expect((await ask(tenant)).status).toBe(200)
  })

  it('lists runs newest first, page by page, and none of another tenant', async () => {
    const [tenant, other] = [await tenantWithShop(), await tenantWithShop()]
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      ids.unshift((await ask(tenant)).body.id)
      await finishAll()
    }
    const first = (await service.call('GET', `${runs(tenant.id)}?limit=2`, { key: tenant.key })).body as {
      data: RunBody[]
      nextCursor: string
    }
    const rest = (
      await service.call('GET', `${runs(tenant.id)}?limit=2&cursor=${first.nextCursor}`, { key: tenant.key })
    ).body as { data: RunBody[]; nextCursor: null }
    expect([...first.data, ...rest.data].map((run) => run.id)).toEqual(ids)
    expect(rest.nextCursor).toBeNull()
    for (const end of ['', '/events'])
      expect((await service.call('GET', `${runs(other.id)}/${ids[0]}${end}`, { key: other.key })).status).toBe(404)
    expect((await service.call('GET', runs(tenant.id), { key: other.key })).status).toBe(403)
  })

  it('tells that another training begins by an event of its own, however soon its figures come', async () => {
    const tenant = await tenantWithShop()
    const { body } = await ask(tenant)
    const claimed = await claim('trainer')
    const reports = new RunReports(claimed, queue, pino({ level: 'silent' }))
    reports.add({ status: { epoch: 1, loss: 3 } })
    reports.add({ status: { loss: 2 } })
    reports.add({ state: 'evaluating', status: { epoch: null, loss: null, detail: 'once more' } })
    reports.add({ status: { epoch: 1, loss: 4 } })
    await reports.flush()
    expect(await show(tenant, body.id)).toMatchObject({ state: 'evaluating', epoch: 1, loss: 4, detail: 'once more' })
    await queue.finish(claimed, { state: 'rejected', outcome: 'rejected' })
    const { body: stream } = await service.call('GET', `${runs(tenant.id)}/${body.id}/events`, { key: tenant.key })
    const told = [...String(stream).matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, kind, data]) => ({
      kind,
      ...(JSON.parse(data) as object),
    }))
    const at = told.findIndex(({ kind }) => kind === 'progress')
    expect(told.slice(at, at + 4)).toMatchObject([
      { kind: 'progress', epoch: 1, loss: 2 },
      { kind: 'state', state: 'evaluating' },
      { kind: 'progress', epoch: null, loss: null, detail: 'once more' },
      { kind: 'progress', epoch: 1, loss: 4 },
    ])
  })

  it('streams what a run reported and reports, from where the client left, until it ends', async () => {
    const tenant = await tenantWithShop()
    const { body } = await ask(tenant)
    const claimed = await claim('trainer')
    const follow = (lastEventId?: string) =>
      fetch(`${service.url}${runs(tenant.id)}/${body.id}/events`, {
        headers: { authorization: `Bearer ${tenant.key}`, ...(lastEventId && { 'last-event-id': lastEventId }) },
      })
    const response = await follow()
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const whole = response.text()
    await queue.report(claimed, { state: 'training', status: { progress: 0.5, epoch: 1 } }, [
      { kind: 'state', data: { state: 'training' } },
      { kind: 'progress', data: { progress: 0.5, epoch: 1 } },
    ])
    await queue.finish(claimed, { state: 'rejected', outcome: 'rejected', detail: 'not better' })
    const text = await whole
    const kinds = [...text.matchAll(/^event: (\w+)$/gm)].map((match) => match[1])
    expect(kinds).toEqual(['attempt', 'state', 'state', 'progress', 'state', 'end'])
    expect([...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))).toEqual([1, 2, 3, 4, 5])
    expect(text).toMatch(/event: progress\ndata: \{.*"progress":0.5/)
    const later = await (await follow('4')).text()
    expect([...later.matchAll(/^event: (\w+)$/gm)].map((match) => match[1])).toEqual(['state', 'end'])
    // A number that no event has is as good as none.
    for (const strange of ['2147483648', '9007199254740991', '-1', '1.5', 'x'])
      expect(await (await follow(strange)).text()).toBe(text)
  })

  it('ends its streams when the service stops', async () => {
    const other = await testService({ ROLES: 'api' })
    const tenant = await other.makeTenant()
    await send(other, tenant, shop)
    const run = (await other.call('POST', runs(tenant.id), { key: tenant.key })).body as RunBody
    const response = await fetch(`${other.url}${runs(tenant.id)}/${run.id}/events`, {
      headers: { authorization: `Bearer ${tenant.key}` },
    })
    const text = response.text()
    const before = Date.now()
    await other.stop()
    expect(await text).not.toContain('event: end')
    expect(Date.now() - before).toBeLessThan(5000)
  })

  it('schedules a run when it is due and enough is new', async () => {
    const scheduler = () =>
      new Scheduler(service.app.get(TenantsService), service.app.get(RunsService), {
        info: () => undefined,
        warn: (error: unknown) => expect.fail(JSON.stringify(error)),
      } as never)
    const training = { schedule: '0 3 * * *', minNewEvents: 100, minIntervalMinutes: 60 }
    const due = await tenantWithShop({ training })
    const tooFew = await tenantWithShop({ training: { ...training, minNewEvents: 100_000 } })
    const never = await tenantWithShop({ training: { ...training, schedule: null } })
    const count = async (tenant: { id: string; key: string }) =>
      ((await service.call('GET', runs(tenant.id), { key: tenant.key })).body as { data: unknown[] }).data.length
    await scheduler().look(new Date())
    const tomorrow = new Date(Date.now() + 86_400_000)
    await Promise.all([scheduler().look(tomorrow), scheduler().look(tomorrow)])
    expect([await count(due), await count(tooFew), await count(never)]).toEqual([1, 0, 0])
    await finishAll()
  })

  it('keeps the runs of a removed tenant from being worked on', async () => {
    const tenant = await tenantWithShop()
    await ask(tenant)
    await service.call('DELETE', `/v1/tenants/${tenant.id}`, {})
    expect(await queue.claim('trainer')).toBeUndefined()
    expect(service.app.get(VersionsService)).toBeDefined()
  })
})

describe('schedule', () => {
  const policy = { schedule: '0 3 * * *', minNewEvents: 1, minIntervalMinutes: 60, historyDays: 1, autoPromote: true }
  const at = (text: string) => new Date(`2026-03-01T${text}Z`)

  it('knows the moment before and after now, in UTC', () => {
    expect(lastTick('0 3 * * *', at('03:00:00'))).toEqual(at('03:00:00'))
    expect(lastTick('0 3 * * *', at('02:59:59'))).toEqual(new Date('2026-02-28T03:00:00Z'))
    expect(nextTick(policy, at('02:59:00'))).toEqual(at('03:00:00'))
    expect(nextTick({ ...policy, schedule: null }, at('02:59:00'))).toBeNull()
  })

  it('is due once a tick, and not sooner after a run than the policy says', () => {
    expect(isDue(policy, at('02:00:00'), null, at('02:59:00'))).toBe(false)
    expect(isDue(policy, at('02:59:00'), null, at('03:00:05'))).toBe(true)
    expect(isDue(policy, at('03:00:05'), null, at('15:00:00'))).toBe(false)
    expect(isDue(policy, at('02:59:00'), at('02:30:00'), at('03:00:05'))).toBe(false)
    expect(isDue(policy, at('02:59:00'), at('01:30:00'), at('03:00:05'))).toBe(true)
  })
})
