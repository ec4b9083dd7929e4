import { beforeAll, describe, expect, it } from 'vitest'
import { type Interaction, toHistories } from '../../src/model/history.js'
import { Network } from '../../src/model/network.js'
import { Random } from '../../src/model/random.js'
import { TextMatrix } from '../../src/model/text-matrix.js'
import { DEFAULT_CONFIG, type NetworkConfig, startFromText } from '../../src/model/weights.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { DEFAULT_FIT, fit } from '../../src/training/fit.js'
import { oldWindows } from '../../src/training/old-windows.js'
import { HIDES, HOUR, randomText, VIEWS } from './paths.js'

const ITEMS = 30
const LENGTH = 12
const USERS = 80
const VISITS = 6
const config: NetworkConfig = { ...DEFAULT_CONFIG, textLength: LENGTH, width: 16, maxLength: 8, typeWeights: [1] }
const text = TextMatrix.from(randomText(ITEMS, LENGTH), LENGTH)

/** Users who walk through the catalogue by so many items a step, all within one quarter of the time. */
function walkers(quarter: number, step: number): Interaction[][] {
  const random = new Random(quarter + 1)
  return Array.from({ length: USERS }, (_, user) => {
    const first = random.below(ITEMS)
    const at = (1000 * quarter + user) * HOUR
    return Array.from({ length: VISITS }, (_, i) => ({ item: (first + i * step) % ITEMS, type: 0, at: at + i * HOUR }))
  })
}
// The newest quarter goes another way than those before.
const quarters = [walkers(0, 1), walkers(1, 1), walkers(2, 1), walkers(3, 7)]
const UNTIL = 4000 * HOUR
const later = walkers(4, 7)
const histories = toHistories([...quarters.flat(), ...later])
const ground = { histories, types: VIEWS, hides: HIDES, knownUntil: UNTIL, seed: 1 }

async function learn(lists: Interaction[][], start: ReturnType<Network['toArrays']>, epochs: number) {
  const { arrays } = await fit({
    config,
    start,
    text,
    histories: toHistories(lists),
    typeWeights: [1],
    hides: [true],
    options: { ...DEFAULT_FIT, epochs, rowLength: 32, rowsPerStep: 2, rate: 1e-2, warmUpSteps: 5 },
  })
  return { network: Network.fromArrays(config, arrays), text }
}

describe('old windows', () => {
  let champion: Awaited<ReturnType<typeof learn>>
  let forgetful: typeof champion
  beforeAll(async () => {
    await startTensorflow('wasm')
    const start = startFromText(config, new Random(2).normals(LENGTH * config.width, 0.3), ITEMS, 3)
    champion = await learn(quarters.flat(), start, 8)
    forgetful = await learn(quarters[3], champion.network.toArrays(), 6)
  })

  it('show what a network has lost that learned from the newest quarter only', () => {
    const windows = oldWindows(ground, champion, forgetful)
    expect(windows.map(({ users }) => users)).toEqual([USERS, USERS, USERS, USERS])
    for (const { before, now, difference } of windows.slice(0, 3)) {
      expect(before).toBeGreaterThan(0.5)
      expect(difference.mean).toBeCloseTo(now - before, 6)
      expect(difference.low).toBeLessThanOrEqual(difference.mean)
      expect(difference.high).toBeLessThan(-0.2)
    }
    expect(windows[3].difference.low).toBeGreaterThan(-0.05)
  })

  it('show no loss of what is the same, on four quarters of the time that the champion knows', () => {
    const windows = oldWindows(ground, champion, champion)
    expect(windows.map(({ difference }) => difference)).toEqual(windows.map(() => ({ mean: 0, low: 0, high: 0 })))
    const at = (hours: number) => new Date(hours * HOUR).toISOString()
    expect(windows.map(({ from }) => from)).toEqual([at(0), at(1000), at(2000), at(3000)])
    // Nothing of later: the last ends with the last event that was known.
    expect(windows.map(({ to }) => Date.parse(to) < UNTIL)).toEqual([true, true, true, true])
  })

  it('ask a bounded number of users, the same for a seed', () => {
    const many = toHistories(Array.from({ length: 6 }, () => quarters.flat()).flat())
    const asked = (seed: number) => oldWindows({ ...ground, histories: many, seed }, champion, forgetful)
    const first = asked(1)
    expect(first.map(({ users }) => users)).toEqual([200, 200, 200, 200])
    expect(asked(1)).toEqual(first)
    expect(asked(2).map(({ now }) => now)).not.toEqual(first.map(({ now }) => now))
  })

  it('are none where nothing is left of what the champion knew', () => {
    expect(oldWindows({ ...ground, knownUntil: 0 }, champion, champion)).toEqual([])
    const single = toHistories(quarters.flat().map((list) => list.slice(0, 1)))
    expect(oldWindows({ ...ground, histories: single }, champion, champion)).toEqual([])
  })
})
