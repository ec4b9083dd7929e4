import { describe, expect, it } from 'vitest'
import { toHistories } from '../../src/model/history.js'
import {
  attentionMask,
  distanceBias,
  GAP_BUCKETS,
  gapBucket,
  HOUR_BUCKETS,
  hourBucket,
  MASKED,
  meanWeights,
  NO_HOUR,
  packHistories,
  packRow,
  type Row,
  stackRows,
  targetWeights,
} from '../../src/model/packing.js'
import { Random } from '../../src/model/random.js'
import { randomHistories } from './tiny-shop.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const event = (item: number, type = 0, at = 0) => ({ item, type, at })

describe('gapBucket', () => {
  it('tells first events, baskets, minutes, hours, days and months apart', () => {
    const gaps = [undefined, 0, MINUTE, 60 * MINUTE, DAY, 30 * DAY]
    const buckets = gaps.map((gap) => gapBucket(gap === undefined ? undefined : 0, gap ?? 0))
    expect(buckets[0]).toBe(0)
    expect(buckets[1]).toBe(1)
    expect(new Set(buckets).size).toBe(gaps.length)
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b))
    expect(gapBucket(0, 100_000 * DAY)).toBe(GAP_BUCKETS - 1)
  })
})

describe('targetWeights', () => {
  it('counts each event by its type, and not again what was hidden before', () => {
    const histories = toHistories([[event(1), event(2, 1), event(1), event(2, 0)], [event(1, 2)]])
    expect([...targetWeights(histories, [1, 0.5, 0])]).toEqual([1, 0.5, 0, 0, 0])
  })

  it('lets an item be a target again while no event of it hides', () => {
    const histories = toHistories([[event(1, 0), event(1, 0), event(1, 1), event(1, 1)]])
    expect([...targetWeights(histories, [0.5, 1], [false, true])]).toEqual([0.5, 0.5, 1, 0])
  })
})

describe('packHistories', () => {
  const histories = randomHistories([7, 3, 1, 9, 2, 5], 12, 1)
  const weights = new Float32Array(histories.items.length).fill(1)

  it('keeps every transition of every user, exactly once, whatever the row length', () => {
    const wanted: string[] = []
    for (let user = 0; user < 6; user++) {
      for (let i = histories.offsets[user]; i + 1 < histories.offsets[user + 1]; i++) {
        wanted.push(`${histories.items[i]} -> ${histories.items[i + 1]}`)
      }
    }
    for (const length of [4, 10, 100]) {
      const rows = packHistories(histories, weights, length, new Random(2))
      const found = rows.flatMap((row) =>
        [...row.items].flatMap((item, i) => (row.targets[i] >= 0 ? [`${item} -> ${row.targets[i]}`] : [])),
      )
      expect(found.sort()).toEqual([...wanted].sort())
      for (const row of rows) expect(row.items.length).toBe(length)
    }
  })

  it('wastes no more than the end of the last row', () => {
    const tokens = 7 + 3 + 9 + 2 + 5
    expect(packHistories(histories, weights, 10, new Random(2)).length).toBe(Math.ceil(tokens / 10))
  })

  it('begins a sequence at its user, and anew in each row', () => {
    const rows = packHistories(toHistories([[1, 2, 3, 4, 5].map((item) => event(item))]), weights, 3, new Random(1))
    expect(rows.map((row) => [...row.starts])).toEqual([
      [0, 0, 0],
      [0, 0, 2],
    ])
    expect(rows.map((row) => [...row.targets])).toEqual([
      [2, 3, 4],
      [5, -1, -1],
    ])
  })

  it('never makes an event of weight 0 a target', () => {
    const rows = packHistories(
      toHistories([[event(1), event(2), event(3)]]),
      Float32Array.of(1, 0, 1),
      4,
      new Random(1),
    )
    expect([...rows[0].targets]).toEqual([-1, 3, -1, -1])
  })
})

describe('packRow', () => {
  it('keeps the newest events and shows nothing of those it cut', () => {
    const long = [event(1, 0, 0), event(2, 0, DAY), event(3, 0, 2 * DAY)]
    const cut = packRow([long, [event(9)]], 2)
    expect([...cut.row.items]).toEqual([2, 3, 9])
    expect(cut.last).toEqual([1, 2])
    expect(cut).toEqual(packRow([long.slice(1), [event(9)]], 2))
  })
})

describe('the time until what is predicted', () => {
  const basket = [event(1, 0, 0), event(2, 0, 0), event(3, 0, DAY), event(4, 0, DAY)]

  it('is that to the next event in training, and to the moment asked about in serving', () => {
    const [row] = packHistories(toHistories([basket]), new Float32Array(4).fill(1), 4, new Random(1))
    const day = gapBucket(0, DAY)
    expect([...row.waits]).toEqual([1, day, 1, 0])
    expect([...packRow([basket], 10).row.waits]).toEqual([1, day, 1, 0])
    expect([...packRow([basket], 10, [DAY]).row.waits]).toEqual([1, day, 1, 1])
    expect([...packRow([basket], 10, [DAY + 60_000]).row.waits]).toEqual([1, day, 1, gapBucket(0, 60_000)])
  })
})

describe('the hour of what is predicted', () => {
  const at = (moment: string) => Date.parse(moment)

  it('is one of 24 of a weekday and 24 of a weekend, in UTC, before 1970 too', () => {
    expect(hourBucket(at('2024-05-17T23:59:59.999Z'))).toBe(23)
    expect(hourBucket(at('2024-05-18T00:00:00Z'))).toBe(24)
    expect(hourBucket(at('2024-05-19T23:30:00Z'))).toBe(47)
    expect(hourBucket(at('2024-05-20T00:00:00+00:00'))).toBe(0)
    expect(hourBucket(at('2024-05-20T01:00:00+02:00'))).toBe(47)
    expect(hourBucket(0)).toBe(0)
    expect(hourBucket(at('1969-12-31T22:00:00Z'))).toBe(22)
    expect(hourBucket(at('1969-12-28T05:00:00Z'))).toBe(29)
    const week = Array.from({ length: 7 * 24 }, (_, hour) => hourBucket(at('2024-05-13T00:30:00Z') + hour * 3_600_000))
    expect(new Set(week).size).toBe(HOUR_BUCKETS)
    expect(Math.max(...week)).toBe(HOUR_BUCKETS - 1)
  })

  it('is that of the next event in training, of the moment asked about in serving, and none where that is unknown', () => {
    const history = [event(1, 0, at('2024-05-17T08:00:00Z')), event(2, 0, at('2024-05-18T20:10:00Z'))]
    const [row] = packHistories(toHistories([history]), new Float32Array(2).fill(1), 2, new Random(1))
    expect([...row.hours]).toEqual([44, NO_HOUR])
    expect([...packRow([history], 9).row.hours]).toEqual([44, NO_HOUR])
    expect([...packRow([history], 9, [at('2024-05-20T07:59:00Z')]).row.hours]).toEqual([44, 7])
    expect([...packRow([history, history], 1, [0, 3_600_000]).row.hours]).toEqual([0, 1])
  })
})

describe('meanWeights', () => {
  const { row } = packRow([[event(1), event(2, 1), event(3)], [event(4)]], 10)

  it('weighs the k-th event back by 1 / (k + 1) times its type, inside its own sequence, to a sum of 1', () => {
    const weights = meanWeights(row, 50, [1, 0])
    const third = [1 / 3, 0, 1].map((weight) => weight / (4 / 3))
    third.forEach((weight, j) => expect(weights[2 * 4 + j]).toBeCloseTo(weight, 6))
    expect([...weights.subarray(12)]).toEqual([0, 0, 0, 1])
  })

  it('looks no further back than the window', () => {
    expect(meanWeights(row, 2, [1, 1])[2 * 4]).toBe(0)
  })

  it('gives the same rows when only some positions are asked for', () => {
    const all = meanWeights(row, 50, [1, 1])
    expect([...meanWeights(row, 50, [1, 1], [2, 3])]).toEqual([...all.subarray(8)])
  })
})

describe('attentionMask and distanceBias', () => {
  const { row } = packRow([[event(1), event(2), event(3)], [event(4)]], 10)
  const M = MASKED

  it('let a token see itself and the earlier ones of its sequence inside the window, by distance', () => {
    const mask = [
      [0, M, M, M],
      [0, 0, M, M],
      [M, 0, 0, M],
      [M, M, M, 0],
    ]
    expect([...attentionMask(row, 2)]).toEqual(mask.flat())
    expect([...attentionMask(row, 2, [1, 3])]).toEqual([...mask[1], ...mask[3]])
    const distances = [
      [0.5, 0, 0, 0],
      [0.25, 0.5, 0, 0],
      [0, 0.25, 0.5, 0],
      [0, 0, 0.25, 0.5],
    ]
    expect([...distanceBias(4, Float32Array.of(0.5, 0.25))]).toEqual(distances.flat())
    expect([...distanceBias(4, Float32Array.of(0.5, 0.25), [2])]).toEqual(distances[2])
  })
})

describe('stackRows', () => {
  const one = packRow([[event(1), event(2), event(3)], [event(4)]], 10).row
  const two = packRow([[event(5), event(6), event(7), event(8)]], 10).row
  const stack = stackRows([one, two])

  it('lays rows one after another, each still its own', () => {
    expect([stack.count, stack.length]).toEqual([2, 4])
    expect([...stack.items]).toEqual([...one.items, ...two.items])
    for (const make of [(row: Row) => attentionMask(row, 3), (row: Row) => meanWeights(row, 3, [1])])
      expect([...make(stack)]).toEqual([...make(one), ...make(two)])
  })

  it('refuses rows of other lengths', () => {
    expect(() => stackRows([one, packRow([[event(1)]], 10).row])).toThrow('one length')
  })
})
