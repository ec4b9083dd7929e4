import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allContracts } from '../../src/platform/http.js'
import { testService, type TestService } from '../support/service.js'

/** A word in everything that is the other tenant's: it must never reach this one. */
const SECRET = 'zzsecretzz'

describe('isolation of tenants, through every route', () => {
  let service: TestService
  let ours: { id: string; key: string }
  let theirs: { id: string; key: string }
  const theirIds: string[] = []
  const theirCursors: string[] = []

  beforeAll(async () => {
    service = await testService()
    ours = await service.makeTenant('ours', { quotas: { requestsPerSecond: 100_000 } })
    theirs = await service.makeTenant(`theirs-${SECRET}`, { quotas: { requestsPerSecond: 100_000 } })
    await fill(ours, 'ours')
    await fill(theirs, SECRET)
    const path = `/v1/tenants/${theirs.id}`
    const key = theirs.key
    const keys = await service.call('GET', `${path}/keys`, { key })
    const scenario = await service.call('PUT', `${path}/scenarios/${SECRET}`, { key, body: { count: 3 } })
    expect(scenario.status).toBeLessThan(300)
    const answer = await service.call('POST', `${path}/recommendations`, { key, body: { userId: `${SECRET}-user` } })
    const run = await service.call('POST', `${path}/training-runs`, { key, body: { from: 'base' } })
    theirIds.push(
      ...(keys.body as { data: { id: string }[] }).data.map((entry) => entry.id),
      (answer.body as { recommendationId: string }).recommendationId,
      ...[(run.body as { id?: string; runId?: string }).id].filter((id) => id !== undefined),
      `${SECRET}-item-1`,
      `${SECRET}-user`,
      SECRET,
    )
    for (const list of ['items', 'audit']) {
      const page = await service.call('GET', `${path}/${list}?limit=1`, { key })
      const { nextCursor } = page.body as { nextCursor: string | null }
      if (nextCursor) theirCursors.push(nextCursor)
    }
    expect(theirCursors.length).toBeGreaterThan(0)
  })
  afterAll(() => service.stop())

  async function fill({ id, key }: { id: string; key: string }, word: string) {
    const items = Array.from({ length: 5 }, (_, i) => ({ itemId: `${word}-item-${i}`, title: `${word} lamp ${i}` }))
    const events = items.map(({ itemId }, i) => ({
      userId: `${word}-user`,
      itemId,
      type: 'view',
      eventId: `${word}-${i}`,
    }))
    expect((await service.call('POST', `/v1/tenants/${id}/items`, { key, body: { items } })).body).toMatchObject({
      accepted: 5,
    })
    expect(
      (await service.call('POST', `/v1/tenants/${id}/events`, { key, body: { events: events.slice(0, 3) } })).body,
    ).toMatchObject({ accepted: 3 })
  }

  it('refuses our key on every path of theirs', async () => {
    const routes = allContracts().filter(({ path }) => path.includes(':tenant'))
    expect(routes.length).toBeGreaterThan(30)
    for (const { method, path } of routes)
      for (const id of theirIds) {
        const target = path.replace(':tenant', theirs.id).replaceAll(/:\w+/g, encodeURIComponent(id))
        const body = method === 'GET' || method === 'DELETE' ? undefined : {}
        const answer = await service.call(method, target, { key: ours.key, body })
        expect([`${method} ${path}`, answer.status]).toEqual([`${method} ${path}`, 403])
        if (!/:\w+/.test(path.replace(':tenant', ''))) break
      }
    expect((await service.call('GET', '/v1/tenants', { key: ours.key })).status).toBe(403)
  })

  it('shows nothing of theirs to our key with their ids and cursors', async () => {
    const queries = ['', ...theirCursors.map((cursor) => `?limit=1000&cursor=${encodeURIComponent(cursor)}`)]
    let tried = 0
    for (const { method, path } of allContracts()) {
      if (
        !path.includes(':tenant') ||
        method === 'DELETE' ||
        method === 'PATCH' ||
        (path.endsWith('/events') && method === 'GET')
      )
        continue
      for (const id of theirIds)
        for (const query of queries) {
          const target = path.replace(':tenant', ours.id).replaceAll(/:\w+/g, encodeURIComponent(id))
          const answer = await service.call(method, target + query, {
            key: ours.key,
            body: method === 'GET' ? undefined : bodyWith(path, id),
          })
          tried++
          expect(answer.status).toBeLessThan(500)
          // What we sent may be said back to us ("there is no item 'x'"): titles and other ids of theirs may not.
          const told = JSON.stringify(answer.body).replaceAll(id, '')
          expect([`${method} ${target}`, told.includes(`${SECRET} lamp`)]).toEqual([`${method} ${target}`, false])
          if (answer.status < 300)
            expect([
              `${method} ${target}`,
              told.replaceAll(SECRET, id === SECRET ? '' : SECRET).includes(SECRET),
            ]).toEqual([`${method} ${target}`, false])
        }
    }
    expect(tried).toBeGreaterThan(200)
  })

  it('lets our key change nothing of theirs', async () => {
    for (const id of theirIds)
      for (const path of ['items', 'keys', 'scenarios', 'users'])
        await service.call('DELETE', `/v1/tenants/${ours.id}/${path}/${encodeURIComponent(id)}`, { key: ours.key })
    const items = await service.call('GET', `/v1/tenants/${theirs.id}/items`, { key: theirs.key })
    expect((items.body as { data: unknown[] }).data).toHaveLength(5)
    const keys = await service.call('GET', `/v1/tenants/${theirs.id}/keys`, { key: theirs.key })
    expect((keys.body as { data: unknown[] }).data).toHaveLength(1)
    expect(
      (await service.call('GET', `/v1/tenants/${theirs.id}/scenarios/${SECRET}`, { key: theirs.key })).status,
    ).toBe(200)
    const readiness = await service.call('GET', `/v1/tenants/${theirs.id}/readiness`, { key: theirs.key })
    expect(readiness.body).toMatchObject({ events: 3, users: 1, items: 5 })
  })

  function bodyWith(path: string, id: string): unknown {
    if (path.endsWith('/recommendations'))
      return { userId: id, history: [id], count: 100, returnProperties: true, explain: true }
    if (path.endsWith('/rankings')) return { userId: id, itemIds: [id] }
    if (path.endsWith('/merge')) return { into: id }
    if (path.endsWith('/training-runs')) return { from: 'active' }
    return {}
  }
})
