import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amount } from '../../src/cli/size/command.js'
import { ASSUMED, type Figure, MEASURED } from '../../src/cli/size/figures.js'
import { DEFAULTS, type Load, requestsOf } from '../../src/cli/size/load.js'
import { simulateQueue, type Trained } from '../../src/cli/size/queue-simulation.js'
import { figuresTable, sizeTable } from '../../src/cli/size/size-table.js'
import { bytes, sizeOf } from '../../src/cli/size/sizing.js'
import { tenantSizes } from '../../src/cli/size/tenant-sizes.js'
import { type Home, newHome } from './attune.js'

const HOUR = 3600
const DAY = 24 * HOUR
const sum = (values: number[]) => values.reduce((all, value) => all + value, 0)
const load = (tenants: number, eventsPerDay: number, items: number, more: Partial<Load> = {}): Load => ({
  ...DEFAULTS,
  tenants,
  eventsPerDay,
  items,
  requestsPerSecond: requestsOf(eventsPerDay),
  ...more,
})

describe('sizes of tenants', () => {
  it('add up, are as different as shops are, and the same for the same seed', () => {
    const sizes = tenantSizes(10_000, 1e9, 1e8, 1)
    const events = sizes.map(({ eventsPerDay }) => eventsPerDay)
    expect(sum(events)).toBeCloseTo(1e9, -2)
    expect(sum(sizes.map(({ items }) => items)) / 1e8).toBeCloseTo(1, 3)
    expect(sum(events.slice(0, 1000)) / 1e9).toBeGreaterThan(0.6)
    expect(events[5000]).toBeLessThan(1e5 / 5)
    expect(tenantSizes(10_000, 1e9, 1e8, 1)).toEqual(sizes)
    expect(tenantSizes(10_000, 1e9, 1e8, 2)[0]).not.toEqual(sizes[0])
  })
})

describe('a size', () => {
  it('of ten small shops is one process, on nothing that runs out', () => {
    const { oneProcess, api, bottlenecks, trainer } = sizeOf(load(10, 1e6, 50_000))
    expect([oneProcess, api.instances, trainer.gpus]).toEqual([true, 1, 0])
    expect(bottlenecks[0].use).toBeLessThan(1)
  })

  it('has more of everything for more load', () => {
    const small = sizeOf(load(1000, 1e8, 5e6))
    const large = sizeOf(load(2000, 1e9, 5e7))
    expect(small.oneProcess).toBe(false)
    for (const of of [
      (size: typeof small) => size.api.instances,
      (size: typeof small) => size.ingest.instances,
      (size: typeof small) => size.trainer.instances,
      (size: typeof small) => size.kafka.partitions,
      (size: typeof small) => size.kafka.diskBytes,
      (size: typeof small) => size.postgres.diskBytes.all,
    ])
      expect(of(large)).toBeGreaterThan(of(small))
    // At the peak every consumer has a partition, and there is room for more of them.
    expect(large.kafka.partitions).toBeGreaterThanOrEqual(4 * large.ingest.instances)
  })

  it('says what runs out first: rows where many events come, items where one catalogue is huge, disk where all is kept', () => {
    const first = (of: Load) => sizeOf(of).bottlenecks[0].what
    expect(first(load(10_000, 5e9, 1e6, { retentionDays: 1, requestsPerSecond: 1 }))).toBe('rows written to PostgreSQL')
    expect(first(load(1, 1e6, 1e7))).toBe('items of the largest tenant')
    expect(first(load(1000, 1e8, 1e5, { retentionDays: 3650 }))).toBe('disk of PostgreSQL')
    const { bottlenecks } = sizeOf(load(1000, 1e8, 1e6))
    expect(bottlenecks.map(({ use }) => use)).toEqual(bottlenecks.map(({ use }) => use).sort((a, b) => b - a))
  })

  it('keeps the models of all tenants in each instance, or shares them out by tenant', () => {
    const any = sizeOf(load(1000, 1e8, 5e6))
    const routed = sizeOf(load(1000, 1e8, 5e6, { route: 'tenant' }))
    expect(any.api.modelMemoryMb).toBeGreaterThan(3 * routed.api.modelMemoryMb)
    expect(any.api.modelMemoryMb).toBeGreaterThan((5e6 * MEASURED.modelBytesPerItem.value) / 2 ** 20)
    expect(routed.api.modelMemoryMb * 2 ** 20 * routed.api.instances).toBeGreaterThan(
      2 * 5e6 * MEASURED.modelBytesPerItem.value,
    )
    expect(sizeOf(load(1000, 1e8, 5e6, { active: 0.1 })).api.modelMemoryMb).toBeLessThan(any.api.modelMemoryMb)
  })

  it('counts a GPU for each trainer that has one, and calls its times a guess', () => {
    const { trainer, ...rest } = sizeOf(load(1000, 1e8, 5e6, { engine: 'cuda' }))
    expect(trainer.gpus).toBe(trainer.instances)
    expect(trainer.plan.slots).toBe(1)
    expect(sizeTable({ trainer, ...rest })).toContain('guess')
  })

  it('is finite at the ends of what can be asked', () => {
    for (const extreme of [
      load(1, 1, 1, { requestsPerSecond: 0 }),
      load(1e5, 1e13, 1e12, { requestsPerSecond: 1e9, retentionDays: 36_500, historyDays: 36_500 }),
      load(1, 1e13, 1e12, { trainerMemoryGb: 1 }),
      load(1e5, 1, 1, { active: 0 }),
    ]) {
      const text = sizeTable(sizeOf(extreme))
      expect(text).not.toMatch(/NaN|Infinity|undefined/)
    }
  })

  it('rests on figures that each say where they are from', () => {
    for (const { value, unit, source } of Object.values<Figure>({ ...MEASURED, ...ASSUMED })) {
      expect(value).toBeGreaterThan(0)
      expect([unit, source].every((words) => words.length > 3)).toBe(true)
    }
    expect(figuresTable()).toContain('docs/sizing.md')
    expect([999, 1000, 2.5e12, 1e30].map(bytes)).toEqual(['999 B', '1.0 kB', '2.5 TB', '1000000000 ZB'])
  })
})

describe('the queue of trainings, simulated', () => {
  const run = (hours: number, more: Partial<Trained> = {}): Trained => ({
    expected: hours * HOUR,
    memoryBytes: 1e9,
    everyDays: 1,
    ...more,
  })
  const trainers = (count: number) => ({ count, slots: 1, memoryBytes: 4e9 })

  it('brings every tenant through within a day where there are enough trainers, and says so where there are not', () => {
    const tenants = Array.from({ length: 40 }, () => run(1))
    const enough = simulateQueue(tenants, trainers(3), 3, 1)
    expect(enough.all).toMatchObject({ runs: 120, withinDay: 1 })
    const few = simulateQueue(tenants, trainers(1), 3, 1)
    expect(few.all.withinDay).toBeLessThan(0.7)
    expect(few.busy).toBeGreaterThan(0.95)
  })

  it('lets small tenants pass a large one, and the large one come all the same', () => {
    const tenants = [run(10), ...Array.from({ length: 60 }, () => run(0.1))]
    const { smallest, largest, all } = simulateQueue(tenants, trainers(1), 3, 1)
    expect(all.withinDay).toBe(1)
    expect(smallest.median).toBeLessThan(12 * HOUR)
    expect(largest.longest).toBeLessThan(DAY)
  })

  it('gives one that asks again and again no more than its share', () => {
    const others = Array.from({ length: 20 }, () => run(1))
    const { used, all } = simulateQueue([run(1, { againAfter: 1 }), ...others], trainers(1), 4, 1)
    const without = simulateQueue([run(1), ...others], trainers(1), 4, 1)
    expect(all.withinDay).toBe(1)
    // What nobody else needs it may have.
    expect(used[0]).toBeGreaterThan(used[1])
    expect(all.median).toBeLessThan(without.all.median + 2 * HOUR)
  })

  it('names tenants that no trainer has the memory for, and goes on with the rest', () => {
    const { tooLarge, all } = simulateQueue([run(1, { memoryBytes: 9e9 }), run(1)], trainers(1), 2, 1)
    expect([tooLarge, all.runs, all.withinDay]).toEqual([1, 2, 1])
  })

  it('is the same for the same seed, and stands still with nobody in it', () => {
    const tenants = Array.from({ length: 30 }, (_, i) => run(1 + (i % 5)))
    expect(simulateQueue(tenants, trainers(4), 3, 7)).toEqual(simulateQueue(tenants, trainers(4), 3, 7))
    expect(simulateQueue([], trainers(2), 3, 1).all).toMatchObject({ runs: 0, withinDay: 1 })
  })
})

describe('attune size', () => {
  let home: Home
  beforeAll(async () => {
    home = await newHome()
  })
  afterAll(() => home.cleanUp())
  const args = ['size', '--tenants', '10', '--events-per-day', '1M', '--items', '50k']

  it('shows a table for people and one value for programs, without a service', async () => {
    const { code, out } = await home.attune([...args, '--figures'])
    expect(code).toBe(0)
    for (const words of ['all roles', 'First to run out', '12 partitions', 'bench/README.md'])
      expect(out).toContain(words)
    const { json } = await home.attune([...args, '--json'])
    expect(json()).toEqual([
      expect.objectContaining({ oneProcess: true, kafka: expect.objectContaining({ partitions: 12 }) as object }),
    ])
    expect((await home.attune(['size', '--help'])).out).toContain('Examples:')
  })

  it('refuses flags that are no numbers, or out of bounds, with 2', async () => {
    for (const wrong of [
      '',
      '-1',
      '0',
      'NaN',
      'Infinity',
      '1e400',
      '0x10',
      '1e9e9',
      '9'.repeat(400),
      '1;ls',
      '٣',
      '1.5.2',
    ])
      expect(() => amount(1, 1e13)(wrong), wrong).toThrow('has to be a number')
    expect(['1e9', '1_000', '50k', '1.5M', '1G'].map(amount(1, 1e13))).toEqual([1e9, 1000, 50_000, 1.5e6, 1e9])
    for (const wrong of [
      ['size'],
      ['size', '--tenants', '-5', '--events-per-day', '1', '--items', '1'],
      [...args, '--active', '2'],
      [...args, '--engine', 'abacus'],
      [...args, '--route', '../x'],
      [...args, '--seed', 'x'],
      [...args, '--tenants', '1M'],
    ])
      expect((await home.attune(wrong)).code, wrong.join(' ')).toBe(2)
  })
})
