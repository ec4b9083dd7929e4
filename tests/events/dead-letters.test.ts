import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IHeaders } from 'kafkajs'
import { ORIGIN_HEADER, originOf } from '../../src/events/dead-letters.js'
import { claimsOf } from '../../src/events/letter-claims.js'
import { RetentionService } from '../../src/events/retention.service.js'
import { WaitingLetters } from '../../src/events/waiting-letters.service.js'
import { Database } from '../../src/platform/database.js'
import { testService, type TestService } from '../support/service.js'

interface Letter {
  id: string
  code: string
  tenant: string | null
  attempts: number
  replayable: boolean
}
interface Letters {
  data: Letter[]
  nextCursor: string | null
  byCode: Record<string, number>
}

// Without a broker: the letters are put where the consumer puts them.
describe('dead letters through REST', () => {
  let service: TestService
  let waiting: WaitingLetters
  let next = 0
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    waiting = service.app.get(WaitingLetters)
  })
  afterAll(() => service.stop())

  const TOPIC = 'attune.events'
  interface Failed {
    value?: Buffer | string | null
    key?: string | null
    headers?: IHeaders
    code?: string
    reason?: string
    /** Where it was first met, and where it is now. */
    first?: number
    at?: number
    before?: number
    topic?: string
    /** When it was sent and when it failed first, as it says itself, in ms since the epoch. */
    sent?: number
    failed?: number
  }
  const fail = async (...failed: Failed[]) => {
    const letters = failed.map(({ value = 'poison', key = 'k', headers = {}, first, at = next++, ...rest }) => ({
      message: {
        ...{ key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value) },
        ...{ headers, offset: String(at), timestamp: '1700000000000', attributes: 0 },
      },
      origin: {
        topic: rest.topic ?? TOPIC,
        partition: 3,
        offset: String(first ?? at),
        timestamp: String(rest.sent ?? 1_700_000_000_000),
        attempts: rest.before,
        ...(rest.failed !== undefined && { failedAt: String(rest.failed) }),
      },
      code: rest.code ?? 'NOT_JSON',
      reason: rest.reason ?? 'The value is not JSON in UTF-8.',
    }))
    await waiting.add(TOPIC, 3, letters)
    return letters.map(({ origin }) => `${origin.topic}-3-${origin.offset}`)
  }
  const call = (method: string, path = '', body?: unknown) =>
    service.call(method, `/v1/dead-letters${path}`, body === undefined ? {} : { body })
  const list = async (query = '') => (await call('GET', `?${query}`)).body as Letters
  const clear = () => call('POST', '/drop', {})

  it('are listed, those that failed last first, with how many wait by code, and each is opened', async () => {
    await clear()
    expect(await list()).toEqual({ data: [], nextCursor: null, byCode: {} })
    const event = { tenantId: 'shop: ä', userId: 'ann', itemId: 'x' }
    const [first] = await fail({
      value: JSON.stringify(event),
      code: 'INVALID_EVENT',
      reason: 'type: is missing\u0000',
    })
    const [second, third] = await fail(
      { value: Buffer.from([0xff, 0x00, 0x80]), headers: { trace: Buffer.from('abc'), 'n\u0000': ['x', 'y'] } },
      { value: null, key: null, code: 'NO_VALUE', headers: { [ORIGIN_HEADER]: 'made by hand' } },
    )
    const all = await list()
    expect(all.data.map(({ id }) => id)).toEqual([third, second, first])
    expect(all.byCode).toEqual({ INVALID_EVENT: 1, NOT_JSON: 1, NO_VALUE: 1 })
    expect((await list('code=NOT_JSON')).data).toMatchObject([{ id: second, tenant: null }])
    expect((await list('tenant=shop%3A+%C3%A4')).data).toMatchObject([{ id: first, tenant: 'shop: ä' }])
    expect((await list('topic=other')).data).toEqual([])
    const found: string[] = []
    for (let cursor = ''; ;) {
      const page = await list(`limit=1${cursor}`)
      found.push(...page.data.map(({ id }) => id))
      if (page.nextCursor === null) break
      cursor = `&cursor=${page.nextCursor}`
    }
    expect(found).toEqual([third, second, first])
    const opened = await call('GET', `/${first}`)
    expect(opened.headers.get('cache-control')).toBe('no-store')
    expect(opened.body).toMatchObject({
      ...{ id: first, code: 'INVALID_EVENT', reason: 'type: is missing', topic: TOPIC, partition: 3, key: 'k' },
      ...{ value: JSON.stringify(event), encoding: 'utf8', headers: {}, attempts: 1, replayable: true },
      sentAt: '2023-11-14T22:13:20.000Z',
    })
    const binary = { value: '/wCA', encoding: 'base64', bytes: 3, headers: { trace: 'abc', 'n\u0000': 'x' } }
    expect((await call('GET', `/${second}`)).body).toMatchObject(binary)
    expect((await call('GET', `/${third}`)).body).toMatchObject({
      value: null,
      key: null,
      headers: {},
      replayable: true,
    })
  })

  it('are one, however often they are met', async () => {
    await clear()
    const [id] = await fail({ value: 'a' })
    const first = next - 1
    await fail({ value: 'a', first, at: first })
    expect((await list()).data).toMatchObject([{ id, attempts: 1 }])
    // Sent round, and back at another place; twice in one batch.
    const other = await fail({ value: 'b' })
    await fail({ first, before: 1, code: 'UNKNOWN_TENANT' }, { first, before: 1, code: 'UNKNOWN_TENANT' })
    expect((await list()).data).toMatchObject([{ id, attempts: 2, code: 'UNKNOWN_TENANT' }, { id: other[0] }])
  })

  it('take a place of origin that somebody made up for none', () => {
    const message = { key: null, value: null, offset: '5', timestamp: '7', attributes: 0 }
    const here = { topic: TOPIC, partition: 3, offset: '5', timestamp: '7' }
    const told = (origin: object) =>
      originOf(TOPIC, 3, { ...message, headers: { [ORIGIN_HEADER]: Buffer.from(JSON.stringify(origin)) } })
    const there = { topic: 'attune.items', partition: 2 ** 31 - 1, offset: '9'.repeat(18), timestamp: '1' }
    expect(told(there)).toEqual(there)
    for (const wrong of [
      { partition: 2 ** 31 },
      { offset: '9'.repeat(19) },
      { offset: '05' },
      { topic: 'a\u0000' },
      { topic: '' },
    ])
      expect(told({ ...there, ...wrong }), JSON.stringify(wrong)).toEqual(here)
  })

  it('are written in parts where they are large', async () => {
    await clear()
    const ids = await fail(...Array.from({ length: 12 }, () => ({ value: Buffer.alloc(1_000_000, 'x') })))
    expect((await list()).data.map(({ id }) => id).sort()).toEqual(ids.sort())
    await clear()
  })

  it('are dropped, one or a choice', async () => {
    await clear()
    const ids = await fail({}, { code: 'NO_VALUE' }, { code: 'NO_VALUE' }, {})
    expect((await call('DELETE', `/${ids[0]}`)).status).toBe(204)
    expect((await call('DELETE', `/${ids[0]}`)).status).toBe(404)
    expect((await call('POST', '/drop', { code: 'NO_VALUE' })).body).toEqual({ dropped: 2 })
    expect((await list()).data.map(({ id }) => id)).toEqual([ids[3]])
  })

  it('keep no value that is too large, nor more than the newest', async () => {
    await clear()
    const [large] = await fail({ value: Buffer.alloc(1024 * 1024 + 1, 120) })
    expect((await call('GET', `/${large}`)).body).toMatchObject({ value: null, bytes: 1_048_577, replayable: false })
    expect(await call('POST', `/${large}/replay`)).toMatchObject({ status: 409, body: { code: 'NOT_REPLAYABLE' } })
    const database = service.app.get(Database)
    await database.asSystem((sql) =>
      sql.execute(`INSERT INTO dead_letters (tenant_id, topic, partition, "offset", met_at, code, reason, value_bytes, headers, attempts, failed_at)
        SELECT '*', 'many', 0, i, '', 'NO_VALUE', '', 0, '{}', 1, now() + make_interval(secs => i) FROM generate_series(1, 50000) i`),
    )
    await database.asSystem((sql) =>
      sql.execute(`INSERT INTO dead_letters (tenant_id, topic, partition, "offset", met_at, code, reason, value_bytes, headers, attempts, failed_at)
        SELECT '*', 'old', 0, i, '', 'NO_VALUE', '', 0, '{}', 1, now() - interval '31 days' FROM generate_series(1, 10) i`),
    )
    await waiting.sweep()
    expect((await list()).byCode).toEqual({ NO_VALUE: 50_000 })
    await clear()
  })

  it('go with the user or the tenant that they name', async () => {
    const [tenant, other] = [await service.makeTenant(), await service.makeTenant()]
    const of = (tenantId: string, userId: string) => ({ value: JSON.stringify({ tenantId, userId, type: 7 }) })
    await clear()
    await fail(of(tenant.id, 'ann'), of(tenant.id, 'ben'), of(other.id, 'ann'), of('nobody', 'ann'))
    const { body } = await service.call('GET', `/v1/tenants/${tenant.id}/users/ann/export`)
    expect(String(body)).toContain('NOT_JSON')
    await service.call('DELETE', `/v1/tenants/${tenant.id}/users/ann`)
    expect((await list()).data.map((letter) => letter.tenant).sort()).toEqual(['nobody', other.id, tenant.id].sort())
    const seen = await service.app.get(Database).query(other.id, 'SELECT tenant_id FROM dead_letters')
    expect(seen).toEqual([{ tenant_id: other.id }])
  })

  it('go with the user whom their key names where the value names none', async () => {
    const [tenant, nested] = [await service.makeTenant(), await service.makeTenant()]
    await service.makeTenant(`${nested.id}:ann`)
    await clear()
    const of = (userId: string, value: Buffer | string | null = 'not JSON') => ({
      value,
      key: `${tenant.id}:${userId}`,
    })
    await fail(of('ann'), of('ann', null), of('ann', Buffer.alloc(1024 * 1024 + 1)), of('ann', `{"userId":"ann"}`))
    await fail(of('ann', JSON.stringify({ tenantId: tenant.id, userId: 7 })))
    const colons = `:a${':a'.repeat(9)}`
    await fail(of(`ann${colons}`))
    const left = await fail(
      ...[of('ben'), of('ann', JSON.stringify({ tenantId: tenant.id, userId: 'ben' }))],
      ...[{ key: 'ann' }, { key: `nobody:ann` }, of('ann', '{"tenantId":"nobody","userId":"ann"}')],
    )
    const { body } = await service.call('GET', `/v1/tenants/${tenant.id}/users/ann/export`)
    expect(String(body).trim().split('\n')).toHaveLength(5)
    for (const user of ['ann', `ann${colons}`]) await service.call('DELETE', `/v1/tenants/${tenant.id}/users/${user}`)
    expect((await list()).data.map(({ id }) => id)).toEqual(left.reverse())
    expect((await list(`tenant=${tenant.id}`)).data).toHaveLength(2)
    await clear()
    // Both tenants could be meant, and too many colons: what cannot be given to anybody names nobody.
    const unclear = await fail({ key: `${nested.id}:ann:x` }, { key: `${nested.id}:ann${':x'.repeat(16)}` })
    for (const id of unclear)
      expect((await call('GET', `/${id}`)).body).toMatchObject({ tenant: null, key: null, value: null })
  })

  it('of items name a tenant and no user by their key', () => {
    const message = { key: Buffer.from('shop:mug'), value: null }
    expect(claimsOf(message, 'item')).toEqual([{ tenantId: 'shop', userId: null }])
    expect(claimsOf(message, 'user')).toEqual([{ tenantId: 'shop', userId: 'mug' }])
  })

  it('are not taken in where the user was erased after they were sent', async () => {
    const [tenant, other] = [await service.makeTenant(), await service.makeTenant()]
    await clear()
    await service.call('DELETE', `/v1/tenants/${tenant.id}/users/ann`)
    const [before, after] = [Date.now() - 60_000, Date.now() + 60_000]
    const letter = (tenantId: string, userId: string, sent: number, failed: number) => {
      const at = next++
      return {
        message: {
          ...{ key: null, value: Buffer.from(JSON.stringify({ tenantId, userId })) },
          ...{ headers: {}, offset: String(at), timestamp: String(failed), attributes: 0 },
        },
        origin: { topic: TOPIC, partition: 3, offset: String(at), timestamp: String(sent) },
        ...{ code: 'INVALID_EVENT', reason: '', failedAt: failed },
      }
    }
    const erased = [letter(tenant.id, 'ann', before, before), letter(tenant.id, 'ann', before, after)]
    const kept = [
      ...[letter(tenant.id, 'ann', after, after), letter(tenant.id, 'ben', before, before)],
      letter(other.id, 'ann', before, before),
    ]
    expect(await waiting.takeIn(TOPIC, 3, [...erased, letter(tenant.id, 'ann', 0, 0), ...kept])).toBe(3)
    const ids = kept.map(({ origin }) => `${TOPIC}-3-${origin.offset}`)
    expect((await list()).data.map(({ id }) => id).sort()).toEqual(ids.sort())
  })

  it('hold no more bytes than they may, by tenant and in all: what the oldest hold goes first', async () => {
    await clear()
    const of = (tenantId: string, bytes: number) => {
      const value = JSON.stringify({ tenantId })
      return { value: value.padEnd(bytes - 3), headers: {}, key: 'k' }
    }
    const ids: string[] = []
    const put = async (failed: Failed) => ids.push(...(await fail(failed)))
    await put(of('one', 1000))
    await put({ value: null, key: 'x'.repeat(3000), code: 'NO_VALUE' })
    for (let i = 0; i < 3; i++) await put(of('two', 1000))
    await put(of('one', 1000))
    const whole = async () => {
      const { data } = await list()
      expect(data.map(({ id }) => id)).toEqual([...ids].reverse())
      return data.filter(({ replayable }) => replayable).map(({ id }) => ids.indexOf(id))
    }
    const sweep = (bytes: number, bytesOfTenant: number) => waiting.sweep({ letters: 100, bytes, bytesOfTenant })
    await sweep(8002, 3002)
    expect(await whole()).toEqual([5, 4, 3, 2, 1, 0])
    // What one tenant's letters lose makes room: the others' stay, though they are older.
    await sweep(7002, 2999)
    expect(await whole()).toEqual([5, 4, 3, 0])
    await sweep(2999, 2999)
    expect(await whole()).toEqual([5, 4])
    expect((await call('GET', `/${ids[0]}`)).body).toMatchObject({
      ...{ value: null, bytes: 997, headers: {}, key: 'k', tenant: 'one', replayable: false },
    })
    const { key } = (await call('GET', `/${ids[1]}`)).body as { key: string }
    expect(key).toBe('x'.repeat(1024))
    for (const id of ids.slice(0, 2))
      expect(await call('POST', `/${id}/replay`)).toMatchObject({ status: 409, body: { code: 'NOT_REPLAYABLE' } })

    // A header or a key may be as large as a value.
    const [wide] = await fail({ headers: { wide: Buffer.alloc(1_000_000) } })
    expect((await call('GET', `/${wide}`)).body).toMatchObject({ headers: {}, value: null, replayable: false })
    const [long] = await fail({ key: 'x'.repeat(1_100_000) })
    expect((await call('GET', `/${long}`)).body).toMatchObject({ key: 'x'.repeat(1024), replayable: false })
  })

  it('are swept when many bytes came, and not only when time went by', async () => {
    await clear()
    await waiting.sweep()
    const [old] = await fail({})
    await service.app
      .get(Database)
      .asSystem((sql) => sql.execute(`UPDATE dead_letters SET first_failed_at = now() - interval '31 days'`))
    await fail({})
    expect((await call('GET', `/${old}`)).status).toBe(200)
    for (let i = 0; i < 33; i++) await fail({ value: Buffer.alloc(1024 * 1024) })
    expect((await call('GET', `/${old}`)).status).toBe(404)
    await clear()
  })

  it('are kept as long as they may be, counted from the first time, however often they go round', async () => {
    await clear()
    const day = 86_400_000
    const since = (days: number) => Date.now() - days * day
    const backdate = () =>
      service.app.get(Database).asSystem((sql) =>
        sql.execute(`UPDATE dead_letters SET failed_at = failed_at - interval '31 days',
          first_failed_at = first_failed_at - interval '31 days'`),
      )
    await fail({ value: 'met again' })
    const again = next - 1
    await backdate()
    const [, young, future] = await fail(
      { value: 'met again', first: again, before: 1 },
      { value: 'young', failed: since(29), before: 1 },
      { value: 'made up', failed: since(-100), before: 1 },
      { value: 'back', failed: since(31), before: 1 },
    )
    expect((await list()).data).toHaveLength(4)
    await waiting.sweep()
    expect((await list()).data.map(({ id }) => id).sort()).toEqual([young, future].sort())
    await backdate()
    await waiting.sweep()
    expect((await list()).data).toEqual([])

    // A tenant may want it shorter; then it counts from when the message was sent, where that is known and can be.
    const [short, keeps] = [await service.makeTenant(undefined, { retentionDays: 10 }), await service.makeTenant()]
    const of = ({ id }: { id: string }) => ({ value: JSON.stringify({ tenantId: id, userId: 'u' }), failed: since(1) })
    await fail({ ...of(short), sent: since(11) }, { ...of(short), sent: 0, failed: since(11) })
    await fail({ ...of(short), sent: since(-100), failed: since(11) }, { ...of(keeps), sent: since(11) })
    const left = await fail({ ...of(short), sent: since(9) }, { ...of(short), sent: 0 }, { ...of(keeps), sent: 0 })
    await service.app.get(RetentionService).sweep(Date.now())
    const ofShort = (await list(`tenant=${short.id}`)).data.map(({ id }) => id)
    expect(ofShort.sort()).toEqual(left.slice(0, 2).sort())
    expect((await list(`tenant=${keeps.id}`)).data).toHaveLength(2)
    const { body } = await service.call('GET', `/v1/tenants/${short.id}/users/u/export`)
    expect(String(body).trim().split('\n')).toHaveLength(2)
  })

  it('tell in the audit log of the tenants that they name who dropped them', async () => {
    const [tenant, other] = [await service.makeTenant(), await service.makeTenant()]
    const of = (tenantId: string, code = 'NOT_JSON') => ({ value: JSON.stringify({ tenantId }), code })
    await clear()
    const [id] = await fail(of(tenant.id), of(tenant.id), of(tenant.id), of(other.id), of('nobody'), { code: 'OTHER' })
    const [orphan] = await fail(of('nobody'))
    for (const one of [id, orphan]) expect((await call('DELETE', `/${one}`)).status).toBe(204)
    expect((await call('POST', '/drop', { code: 'NOT_JSON' })).body).toEqual({ dropped: 4 })
    expect((await clear()).body).toEqual({ dropped: 1 })
    const log = async ({ id: ofTenant }: { id: string }) => {
      const { body } = await service.call('GET', `/v1/tenants/${ofTenant}/audit`)
      const { data } = body as { data: { action: string }[] }
      return data.filter(({ action }) => action.startsWith('dead-letter'))
    }
    const entry = { actor: 'operator', action: 'dead-letter.drop' }
    const all = { ...entry, target: 'NOT_JSON' }
    expect(await log(tenant)).toMatchObject([
      { ...all, detail: { code: 'NOT_JSON', letters: 2 } },
      { ...entry, target: id, detail: { letters: 1 } },
    ])
    expect(await log(other)).toMatchObject([{ ...all, detail: { code: 'NOT_JSON', letters: 1 } }])
  })

  it('refuse what makes no sense, and who is not the operator', async () => {
    await clear()
    const [id] = await fail({})
    for (const query of ['limit=0', 'code=', `topic=${'x'.repeat(250)}`, 'tenant=%00', 'cursor=what', 'cursor=W10'])
      expect([query, (await call('GET', `?${query}`)).status]).toEqual([query, 400])
    for (const wrong of [
      'nothing',
      `${id}0`,
      `${id.slice(0, -1)}x`,
      '-1-2',
      'a-99999999999-1',
      `a-1-${'9'.repeat(30)}`,
      '..%2F',
    ])
      for (const [method, path] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/replay'],
      ])
        expect([wrong, (await call(method, `/${wrong}${path}`)).status]).toEqual([wrong, 404])
    for (const body of [
      { limit: 0 },
      { limit: 10_001 },
      { code: 7 },
      { everything: true },
      { before: 'now' },
      [],
      'all',
    ])
      expect((await call('POST', '/replay', body)).status).toBe(400)
    expect(await call('POST', `/${id}/replay`)).toMatchObject({ status: 409 })
    expect(await call('POST', '/replay', {})).toMatchObject({ status: 409, body: { code: 'NO_KAFKA' } })
    expect((await list()).data).toHaveLength(1)
    const { key } = await service.makeTenant()
    for (const [method, path] of [
      ['GET', ''],
      ['GET', `/${id}`],
      ['DELETE', `/${id}`],
      ['POST', '/drop'],
    ])
      expect(
        (await service.call(method, `/v1/dead-letters${path}`, { key, ...(method === 'POST' && { body: {} }) })).status,
      ).toBe(403)
  })

  it('wait on where the broker is away', async () => {
    const env = { ROLES: 'api', KAFKA_BROKERS: '127.0.0.1:1', DATABASE_URL: service.databaseUrl }
    const other = await testService(env)
    try {
      await clear()
      const [id] = await fail({})
      const answer = await other.call('POST', `/v1/dead-letters/${id}/replay`)
      expect(answer).toMatchObject({ status: 503, body: { code: 'KAFKA_AWAY' } })
      expect((await list()).data).toMatchObject([{ id }])
    } finally {
      await other.stop()
    }
  })
})
