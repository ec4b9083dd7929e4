import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CountedEvent, PlacedEvent, WrittenEvent } from '../../src/events/event.js'
import { insertEvents, readCounted, readEvents, readHistory } from '../../src/events/event-rows.js'
import { Database } from '../../src/platform/database.js'
import { testService, type TestService } from '../support/service.js'

describe('rows of events', () => {
  let service: TestService
  let database: Database
  beforeAll(async () => {
    service = await testService()
    database = service.app.get(Database)
  })
  afterAll(() => service.stop())

  /** Events of one user and one moment. */
  const batchOf = (ids: string[]): PlacedEvent[] =>
    ids.map((eventId, index) => ({
      index,
      event: { eventId, userId: 'u', itemId: `item ${index}`, type: 'view', occurredAt: new Date(1_700_000_000_000) },
    }))
  /** One statement in one transaction, and no second try. */
  const insert = async (tenantId: string, batch: PlacedEvent[]) => {
    const fresh = await database.inTenant(tenantId, (sql) => insertEvents(sql, tenantId, batch))
    return [...fresh.values()].reduce((sum, count) => sum + count, 0)
  }
  const itemsOf = (tenantId: string) =>
    database.inTenant(tenantId, async (sql) => {
      const history = await readHistory(sql, tenantId, 'user', 'u', 5000)
      return history.map(({ itemId }) => itemId)
    })

  it('arrive in the order of their batch, whatever their ids', async () => {
    const { id } = await service.makeTenant()
    // 7919 is prime: the ids come in no order that a sort would give.
    const batch = batchOf(Array.from({ length: 1000 }, (_, i) => `é${(i * 7919) % 1000}`))
    expect(await insert(id, batch)).toBe(1000)
    expect(await itemsOf(id)).toEqual(batch.map(({ event }) => event.itemId))
  })

  it('are one for each id: the first of the batch', async () => {
    const { id } = await service.makeTenant()
    expect(await insert(id, batchOf(['b', 'a', 'b', 'A', 'a', 'b']))).toBe(3)
    expect(await itemsOf(id)).toEqual(['item 0', 'item 1', 'item 3'])
  })

  it('never lock up batches that hold the same of them in other orders', async () => {
    const { id } = await service.makeTenant()
    for (let round = 0; round < 10; round++) {
      const batch = batchOf(Array.from({ length: 1000 }, (_, i) => `${round}:${i}`))
      const orders = Array.from({ length: 8 }, (_, n) => {
        const turned = [...batch.slice(120 * n), ...batch.slice(0, 120 * n)]
        return n % 2 === 0 ? turned : turned.reverse()
      })
      const counts = await Promise.all(orders.map((order) => insert(id, order)))
      expect(counts.reduce((sum, count) => sum + count)).toBe(batch.length)
    }
  })

  it('are counted as they are read, whatever is in them', async () => {
    const { id } = await service.makeTenant()
    const ids = ['"quoted\\', 'a,b],[', '\u2028 \ud83d\ude00', "' OR 1=1 --", '\t\n', ']']
    const moments = [
      '2026-01-02T03:04:05.678Z',
      '1969-12-31T23:59:59.999Z',
      '2026-01-02T03:04:05Z',
      '0001-01-01T00:00:00Z',
    ]
    const batch = Array.from({ length: 6000 }, (_, index) => ({
      index,
      event: {
        eventId: `e${index}`,
        userId: ids[index % ids.length],
        itemId: ids[(index * 7) % ids.length],
        type: index % 3 === 0 ? 'rating' : 'view',
        ...(index % 3 === 0 && { value: [0.1, -1e-7, 12345678.9][index % 9 === 0 ? 0 : 1] }),
        occurredAt: new Date(moments[index % moments.length]),
      },
    }))
    await insert(id, batch)
    // Finer than a millisecond, as no door lets it in.
    await database.query(
      id,
      `UPDATE events SET occurred_at = occurred_at + interval '900 microseconds' WHERE tenant_id = $1 AND event_id LIKE '%7'`,
      [id],
    )
    for (const selection of [{}, { since: new Date('2000-01-01') }, { newest: 5500 }]) {
      const [counted, read] = await database.inTenant(id, async (sql) => {
        const [counted, read]: [CountedEvent[], WrittenEvent[]] = [[], []]
        await readCounted(sql, id, selection, (page) => void counted.push(...page))
        await readEvents(sql, id, selection, (page) => void read.push(...page))
        return [counted, read]
      })
      expect(counted.length).toBeGreaterThan(2500)
      expect(counted).toEqual(
        read.map((event) => [
          Number(event.arrival),
          ...[event.userId, event.itemId, event.type, event.value],
          event.occurredAt.getTime(),
        ]),
      )
    }
  })
})
