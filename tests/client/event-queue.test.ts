import { afterEach, describe, expect, it, vi } from 'vitest'
import { Attune, type Dropped, type Event, type QueueOptions, type RejectedEvent } from '../../src/client/index.js'
import { problem, type Reply, wire } from './wire.js'

type Batch = { events: (Event & { eventId: string; occurredAt: string })[] }
const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())))

/** A service that takes every batch unless told otherwise, and a client whose queue tells what it lost. */
async function queueOf(
  options: QueueOptions = {},
  reply: (batch: Batch, nth: number) => Reply | undefined = () => undefined,
) {
  const batches: Batch[] = []
  const far = await wire(({ body }, nth) => {
    const batch = JSON.parse(body) as Batch
    const other = reply(batch, nth)
    if (other !== undefined) return other
    batches.push(batch)
    return { status: 202, body: { accepted: batch.events.length, duplicates: 0, rejected: [] } }
  })
  open.push(far)
  const dropped: Dropped[] = []
  const rejected: RejectedEvent[] = []
  const attune = new Attune({
    server: far.server,
    key: 'k',
    tenant: 't',
    retries: 0,
    events: { onDropped: (one) => dropped.push(one), onRejected: (some) => rejected.push(...some), ...options },
  })
  return { far, attune, events: attune.events, batches, dropped, rejected }
}
const view = (n: number): Event => ({ userId: 'ada', itemId: `i${n}`, type: 'view' })
const idsOf = (batches: Batch[]) => batches.flatMap(({ events }) => events.map(({ itemId }) => itemId))
const names = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `i${from + n}`)

describe('the event queue', () => {
  it('sends full batches at once, one after the other and in order, and the rest on close', async () => {
    const { events, batches, far } = await queueOf({ batchSize: 3, flushMs: 60_000 })
    for (let n = 0; n < 8; n++) expect(events.add(view(n))).toBe(true)
    await vi.waitUntil(() => batches.length === 2)
    expect(await events.close()).toEqual({ waiting: 0, accepted: 8, duplicates: 0, rejected: 0, dropped: 0 })
    expect(batches.map((batch) => batch.events.length)).toEqual([3, 3, 2])
    expect(idsOf(batches)).toEqual(names(8))
    expect(far.asked).toHaveLength(3)
    const all = batches.flatMap((batch) => batch.events)
    expect(new Set(all.map(({ eventId }) => eventId)).size).toBe(8)
    for (const { eventId, occurredAt } of all) {
      expect(eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(Math.abs(Date.parse(occurredAt) - Date.now())).toBeLessThan(60_000)
    }
  })

  it('sends what waits after a while, and keeps ids and times that were given', async () => {
    const { events, batches } = await queueOf({ flushMs: 20 })
    events.add({ ...view(1), eventId: 'mine', occurredAt: '2026-01-02T03:04:05Z' })
    await vi.waitUntil(() => batches.length === 1)
    expect(batches[0].events[0]).toMatchObject({ eventId: 'mine', occurredAt: '2026-01-02T03:04:05Z' })
  })

  it('keeps each request within 5 MiB', async () => {
    const { events, batches, far } = await queueOf({ flushMs: 60_000 })
    const large = 'ü'.repeat(1_000_000)
    for (let n = 0; n < 5; n++) events.add({ ...view(n), properties: { large } })
    await events.close()
    expect(batches.map((batch) => batch.events.length)).toEqual([2, 2, 1])
    for (const { body } of far.asked) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(5 * 1024 * 1024)
  })

  it('drops what does not fit, counts it and says so; whoever waits for room loses nothing', async () => {
    let away = true
    const { events, batches, dropped } = await queueOf({ maxQueued: 4, flushMs: 20 }, () => (away ? 'drop' : undefined))
    for (let n = 0; n < 6; n++) expect(events.add(view(n))).toBe(n < 4)
    expect(dropped.map(({ reason, events: [{ itemId }] }) => `${reason} ${itemId}`)).toEqual(['full i4', 'full i5'])
    const patient = Promise.all([6, 7, 8].map((n) => events.push(view(n))))
    await expect(events.flush()).rejects.toMatchObject({ code: 'NETWORK' })
    expect(events.counts).toMatchObject({ waiting: 4, dropped: 2 })
    away = false
    expect(await patient).toEqual([true, true, true])
    expect(await events.close()).toEqual({ waiting: 0, accepted: 7, duplicates: 0, rejected: 0, dropped: 2 })
    expect(idsOf(batches).slice(0, 4)).toEqual(names(4))
    expect(new Set(idsOf(batches))).toEqual(new Set([...names(4), 'i6', 'i7', 'i8']))
    expect(events.add(view(9))).toBe(false)
    expect(dropped.at(-1)?.reason).toBe('closed')
  })

  it('sends a batch whose answer was lost again, under the same ids', async () => {
    const { events, far } = await queueOf({ flushMs: 60_000 }, (_, nth) => (nth === 1 ? 'drop' : undefined))
    events.add(view(1))
    await expect(events.flush()).rejects.toThrow()
    await events.flush()
    expect(far.asked).toHaveLength(2)
    expect(far.asked[1].body).toBe(far.asked[0].body)
  })

  it('tells which events were refused, and why', async () => {
    const { events, rejected } = await queueOf({ flushMs: 60_000 }, () => ({
      status: 202,
      body: { accepted: 1, duplicates: 1, rejected: [{ index: 1, code: 'INVALID_EVENT', reason: 'type: bad' }] },
    }))
    for (let n = 0; n < 3; n++) events.add(view(n))
    expect(await events.close()).toEqual({ waiting: 0, accepted: 1, duplicates: 1, rejected: 1, dropped: 0 })
    expect(rejected).toMatchObject([{ index: 1, code: 'INVALID_EVENT', reason: 'type: bad', event: { itemId: 'i1' } }])
  })

  it('drops a batch that the service will never take, and goes on with the next', async () => {
    const { events, batches, dropped } = await queueOf({ batchSize: 2, flushMs: 60_000 }, (_, nth) =>
      nth === 1 ? problem(403, 'FORBIDDEN') : undefined,
    )
    for (let n = 0; n < 4; n++) events.add(view(n))
    expect(await events.close()).toMatchObject({ accepted: 2, dropped: 2 })
    expect(dropped).toMatchObject([
      { reason: 'refused', error: { code: 'FORBIDDEN' }, events: [{ itemId: 'i0' }, { itemId: 'i1' }] },
    ])
    expect(idsOf(batches)).toEqual(['i2', 'i3'])
  })

  it('does not hang on close where the service is away, and says what it lost', async () => {
    const { attune, dropped } = await queueOf({ flushMs: 60_000 }, () => 'drop')
    {
      await using scoped = attune
      scoped.events.add(view(1))
    }
    expect(dropped).toMatchObject([{ reason: 'unsent', error: { code: 'NETWORK' }, events: [{ itemId: 'i1' }] }])
    expect(attune.events.counts).toEqual({ waiting: 0, accepted: 0, duplicates: 0, rejected: 0, dropped: 1 })
  })

  it('is never silent: without callbacks the console is told, without what the events say', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { events } = await queueOf({ onDropped: undefined, maxQueued: 1, flushMs: 60_000 })
    events.add(view(1))
    events.add({ ...view(2), userId: 'secret' })
    expect(warn.mock.calls.flat().join()).toMatch(/^attune: 1 events were dropped \(full\)$/)
    warn.mockRestore()
    await events.close()
  })

  it('sends many at once in as many requests as they need, with places in the whole list', async () => {
    const { events } = await queueOf({}, ({ events: batch }) => ({
      status: 202,
      body: { accepted: batch.length - 1, duplicates: 0, rejected: [{ index: 5, code: 'X', reason: 'y' }] },
    }))
    const { accepted, rejected } = await events.send(Array.from({ length: 2500 }, (_, n) => view(n)))
    expect(accepted).toBe(2497)
    expect(rejected.map(({ index }) => index)).toEqual([5, 1005, 2005])
  })
})
