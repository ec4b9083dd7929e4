import { describe, expect, it } from 'vitest'
import type { EventColumns } from '../../src/model/history.js'
import { cleanEvents } from '../../src/training/quality.js'

const TYPES = [
  { name: '*', weight: 0.5, meaning: 'positive' as const },
  { name: 'view', weight: 1, meaning: 'positive' as const },
  { name: 'dislike', weight: 1, meaning: 'negative' as const },
]
/** [user, item, seconds, type] in order of arrival. */
function columns(rows: [number, number, number, number?][]): EventColumns {
  return {
    users: Uint32Array.from(rows, (row) => row[0]),
    items: Uint32Array.from(rows, (row) => row[1]),
    types: Uint8Array.from(rows, (row) => row[3] ?? 1),
    times: Float64Array.from(rows, (row) => row[2] * 1000),
  }
}
const clean = (rows: [number, number, number, number?][], users: number) =>
  cleanEvents(columns(rows), users, TYPES, { read: rows.length, unknownItem: 0 })
const finding = (result: ReturnType<typeof clean>, reason: string) =>
  result.report.findings.find((one) => one.reason === reason)

describe('data quality', () => {
  it('drops exact repeats and bursts, and keeps a real return to an item', () => {
    const result = clean(
      [
        [0, 1, 0],
        [0, 1, 0],
        [0, 1, 30],
        [0, 2, 40],
        [0, 1, 50],
        [0, 1, 5000],
      ],
      1,
    )
    expect(finding(result, 'duplicate')).toMatchObject({ events: 1, users: 1 })
    expect(finding(result, 'burst')).toMatchObject({ events: 1, users: 1 })
    expect([...result.histories.times].map((at) => at / 1000)).toEqual([0, 40, 50, 5000])
    expect(result.report).toMatchObject({ read: 6, kept: 4, users: 1 })
  })

  it('leaves a machine out, and not a wholesaler whose order has 800 lines', () => {
    const wholesaler = Array.from({ length: 800 }, (_, i): [number, number, number] => [0, i, 100])
    const machine = Array.from({ length: 800 }, (_, i): [number, number, number] => [1, i, 100 + i])
    const people = Array.from({ length: 300 }, (_, i): [number, number, number] => [2 + (i % 3), i, 3600 * i])
    const result = clean([...wholesaler, ...machine, ...people], 5)
    expect(finding(result, 'bot')).toMatchObject({ events: 800, users: 1 })
    expect(result.histories.offsets[1] - result.histories.offsets[0]).toBe(800)
    expect(result.histories.offsets[2] - result.histories.offsets[1]).toBe(0)
  })

  it('leaves a click farm out, and says how many', () => {
    const people = Array.from({ length: 3000 }, (_, i): [number, number, number] => [
      i % 200,
      (i * 7919) % 2000,
      3600 * i,
    ])
    const farm = Array.from({ length: 30 * 15 }, (_, i): [number, number, number] => [
      200 + (i % 30),
      5000 + Math.floor(i / 30),
      60 * i,
    ])
    const result = clean(
      [...people, ...farm].sort((a, b) => a[2] - b[2]),
      230,
    )
    expect(finding(result, 'farm')).toMatchObject({ events: 450, users: 30 })
    expect(result.report).toMatchObject({ read: 3450, kept: 3000, users: 200 })
  })

  it('does not take order numbers for machines', () => {
    const rows = Array.from({ length: 4 * 700 }, (_, i): [number, number, number] => [i % 4, i % 90, Math.floor(i / 4)])
    const result = clean(rows, 4)
    expect(finding(result, 'bot')).toBeUndefined()
    expect(result.report.kept).toBe(rows.length)
  })

  it('reports users of one event, negative events and unknown items without losing them', () => {
    const result = cleanEvents(
      columns([
        [0, 1, 0],
        [1, 1, 0],
        [1, 2, 90, 2],
      ]),
      2,
      TYPES,
      { read: 5, unknownItem: 2, tooOld: 900, outsideHistory: { events: 2095, days: 730 } },
    )
    expect(result.report.findings.map(({ reason, events }) => [reason, events])).toEqual([
      ['unknown-item', 2],
      ['too-old', 900],
      ['outside-history', 2095],
      ['short-user', 1],
      ['negative', 1],
    ])
    expect(finding(result, 'outside-history')?.action).toBe(
      '2,095 of 3,000 events are older than historyDays (730 days) before the newest, and take no part',
    )
    expect(result.report).toMatchObject({ read: 5, kept: 3 })
  })

  it('says what was read as low and high, and takes a reading that went on for one', () => {
    const types = [
      ...TYPES,
      { name: 'read', weight: 1, meaning: 'positive' as const, value: { lowBelow: 0.1, highFrom: 0.9 } },
      { name: 'read:high', weight: 2, meaning: 'positive' as const },
      { name: 'read:low', weight: 0, meaning: 'negative' as const },
    ]
    const [read, high, low] = [3, 4, 5]
    const day = 86_400
    const rows: [number, number, number, number][] = [
      [0, 1, 0, low],
      [0, 2, 90, low],
      [0, 1, 180, read],
      [0, 1, 270, low],
      [0, 2, 90 + day, high],
      [0, 3, day + 100, low],
      [0, 4, day + 200, high],
      [0, 3, day + 300, 1],
      [1, 3, day + 400, read],
    ]
    const { histories, report } = cleanEvents(columns(rows), 2, types, { read: 9, unknownItem: 0 })
    expect(report.findings.map(({ reason, events, users }) => [reason, events, users])).toEqual([
      ['superseded', 1, 1],
      ['short-user', 1, 1],
      ['low', 3, 1],
      ['high', 2, 1],
    ])
    expect(report.kept).toBe(8)
    // Read after it was left, but a day later; left after it was read; and viewed, which is no reading.
    const lows = [...histories.times].filter((_, row) => histories.types[row] === low)
    expect(lows.map((at) => at / 1000)).toEqual([90, 270, day + 100])
  })
})
