import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Metrics } from '../../src/platform/metrics.js'

const MINUTE = 60_000

/** Metrics that name at most so many tenants, at a time that the test sets. */
function metricsOf(metricsTenants: number) {
  const clock = { now: 0 }
  const metrics = new Metrics({ metricsTenants }, () => clock.now)
  const counter = metrics.counter('some_total', 'for a test', ['tenant', 'kind'])
  const count = (tenantId: string, amount = 1, kind = 'a') =>
    counter.inc({ tenant: metrics.tenantLabel(tenantId, amount), kind }, amount)
  const series = async () => {
    // What leaves is taken out a moment later.
    await setImmediate()
    const { values } = await counter.get()
    return Object.fromEntries(values.map(({ labels, value }) => [`${labels.tenant} ${labels.kind}`, value]))
  }
  return { metrics, clock, count, series }
}

describe('the label of tenants', () => {
  it('names fifty of 10,000 tenants, the busiest ones, and counts the others together', async () => {
    const { metrics, clock, count, series } = metricsOf(50)
    const tenants = Array.from({ length: 10_000 }, (_, i) => `tenant ${i}`)
    for (const tenant of tenants) count(tenant)
    expect(Object.keys(await series())).toHaveLength(51)
    expect((await series())['other a']).toBe(9950)
    // From now on the last ones are busy.
    const busy = tenants.slice(-50)
    for (let minute = 1; minute <= 3; minute++) {
      clock.now = minute * MINUTE
      for (const tenant of busy) count(tenant, 100)
      for (const tenant of tenants.slice(0, 500)) count(tenant)
    }
    const named = Object.keys(await series()).filter((name) => name !== 'other a')
    expect(named.sort()).toEqual(busy.map((tenant) => `${tenant} a`).sort())
    const text = await metrics.registry.metrics()
    expect(text.split('\n').filter((line) => line.startsWith('some_total'))).toHaveLength(51)
  })

  it('lets equals keep their places, and forgets who does nothing any more', async () => {
    const { clock, count, series } = metricsOf(2)
    for (const tenant of ['a', 'b', 'c', 'd']) count(tenant, 10)
    for (let minute = 1; minute <= 30; minute++) {
      clock.now = minute * MINUTE
      for (const tenant of ['a', 'c', 'd']) count(tenant, 10)
    }
    expect(Object.keys(await series()).sort()).toEqual(['a a', 'c a', 'other a'])
    expect((await series())['a a']).toBe(310)
  })

  it('counts everything somewhere, in every series of a tenant that leaves', async () => {
    const { clock, count, series } = metricsOf(1)
    count('a', 1, 'a')
    count('a', 1, 'b')
    count('b', 50)
    clock.now = MINUTE
    count('b', 50)
    expect(await series()).toEqual({ 'other a': 50, 'b a': 50 })
  })

  it('takes a tenant called other for one of the others, and with no room names nobody', async () => {
    const one = metricsOf(3)
    one.count('other')
    one.clock.now = MINUTE
    one.count('other', 1000)
    expect(await one.series()).toEqual({ 'other a': 1001 })
    const none = metricsOf(0)
    none.count('a')
    none.clock.now = 2 * MINUTE
    none.count('b', 1000)
    expect(await none.series()).toEqual({ 'other a': 1001 })
  })
})
