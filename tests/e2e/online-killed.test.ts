import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serviceProcess, type ServiceProcess } from '../support/process.js'

interface Answer {
  recommendationId: string
  items: { itemId: string }[]
  at: number
}

/** An answer's row may wait for its second, and for the one that is being written. */
const MAY_BE_LOST_MS = 5000

describe('counts online of a service that is killed', () => {
  let service: ServiceProcess
  let owner: pg.Pool
  beforeAll(async () => {
    service = await serviceProcess()
    owner = new pg.Pool({ connectionString: service.databaseUrl, max: 2 })
  })
  afterAll(async () => {
    await owner.end()
    await service.cleanUp()
  })

  it('lose some seconds of impressions at most, nothing of what came of the others, and have nothing twice', async () => {
    const { id, key } = await service.makeTenant('shop', { quotas: { requestsPerSecond: 100_000 } })
    const call = (method: string, path: string, body: object) =>
      service.call(method, `/v1/tenants/${id}${path}`, { key, body })
    const items = Array.from({ length: 30 }, (_, i) => ({ itemId: `i${i}`, title: `thing number ${i}` }))
    expect((await call('POST', '/items', { items })).status).toBe(200)
    const arms = ['a', 'b'].map((name) => ({ name, share: 0.5 }))
    expect((await call('POST', '/experiments', { name: 'x', metric: 'clicks', arms })).status).toBe(201)

    const answers: Answer[] = []
    const clicked = new Set<string>()
    let killedAt = Infinity
    const visit = async (user: number) => {
      const userId = `user ${user}`
      const { body } = await call('POST', '/recommendations', { userId, count: 5 })
      const answer: Answer = { ...(body as Omit<Answer, 'at'>), at: Date.now() }
      answers.push(answer)
      const { recommendationId } = answer
      const [{ itemId }] = answer.items
      const events = [{ eventId: `e ${recommendationId}`, userId, itemId, type: 'view', recommendationId }]
      // Sent twice: also the answer to the first may have been lost.
      for (let time = 0; time < 2; time++) await call('POST', '/events', { events })
      clicked.add(recommendationId)
    }
    const visitors = Array.from({ length: 6 }, async (_, n) => {
      for (let user = n; killedAt === Infinity; user += 6) await visit(user % 100).catch(() => undefined)
    })
    await sleep(8000)
    killedAt = Date.now()
    await service.kill()
    await Promise.all(visitors)
    // Answers that were on their way to it while it was killed are of before.
    const startedAt = Date.now()
    await service.start()
    await Promise.all(Array.from({ length: 20 }, (_, user) => visit(user)))

    const one = async (sql: string) => {
      const { rows } = await owner.query<Record<string, number>>(sql)
      return rows[0]
    }
    const lost = async () => {
      const { rows } = await owner.query<{ id: string }>('SELECT recommendation_id AS id FROM recommendations')
      const kept = new Set(rows.map((row) => row.id))
      return answers.filter(({ recommendationId }) => !kept.has(recommendationId))
    }
    await expect
      .poll(async () => (await lost()).filter(({ at }) => at > startedAt), { timeout: 20_000, interval: 250 })
      .toEqual([])
    const gone = await lost()
    expect(gone.filter(({ at }) => at < killedAt - MAY_BE_LOST_MS)).toEqual([])
    expect(answers.length - gone.length).toBeGreaterThan(50)

    // Each click of an answer that is there, once.
    const missing = new Set(gone.map(({ recommendationId }) => recommendationId))
    const clicks = [...clicked].filter((recommendationId) => !missing.has(recommendationId)).length
    await expect
      .poll(async () => (await one('SELECT sum(clicks)::int AS n FROM online_positions')).n, {
        timeout: 30_000,
        interval: 250,
      })
      .toBeGreaterThanOrEqual(clicks)
    const served = await one(
      'SELECT sum(cardinality(items))::int AS impressions, count(*)::int AS answers FROM recommendations',
    )
    const attributed = await one('SELECT count(*)::int AS n FROM attributions')
    // An event may have been stored whose sender was never answered.
    expect(attributed.n).toBeLessThanOrEqual(served.answers)
    for (const table of ['online_positions', 'online_groups', 'experiment_units'])
      expect(
        await one(`SELECT sum(impressions)::int AS impressions, sum(clicks)::int AS clicks FROM ${table}`),
        table,
      ).toEqual({ impressions: served.impressions, clicks: attributed.n })
  })
})
