// Ways in which a training run goes wrong. Each spoils what the run learns from; what it is judged on stays what it is.
import { before, type EventColumns, type Histories, keepRows } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { rowsOf } from '../../src/model/text-matrix.js'
import type { Dataset } from '../../src/training/dataset.js'
import type { FitOptions } from '../../src/training/fit.js'
import type { Recipe } from '../../src/training/recipe.js'
import type { Case, Split } from '../../src/training/split.js'

/**
 * Every event before the test window gets the item of another one: each item stays as popular as it is, but who had it, and
 * after what, is lost, as when a join mixes up the lines of a log.
 */
export function shuffled(histories: Histories, testFrom: number, seed: number): Histories {
  const rows: number[] = []
  histories.times.forEach((at, row) => {
    if (at < testFrom) rows.push(row)
  })
  const items = histories.items.slice()
  new Random(seed).permutation(rows.length).forEach((from, to) => {
    items[rows[to]] = histories.items[rows[from]]
  })
  return { ...histories, items }
}

/** Half of the items, 1 where lost. */
export function lostItems(items: number, seed: number): Uint8Array {
  const lost = new Uint8Array(items)
  for (const item of new Random(seed).permutation(items).subarray(0, items >> 1)) lost[item] = 1
  return lost
}

/** The catalogue as a run reads it that lost the texts of these items. */
export function withoutTexts(dataset: Dataset, lost: Uint8Array): Dataset {
  const { items, length } = dataset.vectors
  const vectors = dataset.vectors.block(0, items).slice()
  lost.forEach((gone, item) => gone && vectors.fill(0, item * length, (item + 1) * length))
  return { ...dataset, vectors: rowsOf(vectors, length) }
}

/** The same split for a run that lost the events of these items before the test window. */
export function withoutItems(split: Split, lost: Uint8Array): Split {
  const kept = ({ items, ...rest }: Histories) => keepRows({ items, ...rest }, (row) => !lost[items[row]])
  const cases = (all: Case[]) =>
    all
      .map((one) => ({
        ...one,
        history: one.history.filter(({ item }) => !lost[item]),
        targets: one.targets.filter((item) => !lost[item]),
      }))
      .filter(({ history, targets }) => history.length > 0 && targets.length > 0)
  const beforeTest = kept(split.beforeTest)
  return {
    ...split,
    train: before(beforeTest, split.boundaries.validationFrom),
    beforeTest,
    all: split.all && kept(split.all),
    validation: {
      stopping: cases(split.validation.stopping),
      blending: cases(split.validation.blending),
      events: Uint8Array.from(beforeTest.times, (at) => Number(at >= split.boundaries.validationFrom)),
    },
  }
}

// At ten times the recipe's rate a network still learned as much, since the rate falls to nothing in the end: that is where
// too high begins. This is ten times as much.
const TOO_HIGH = 100

/** Far too high a rate for everything, from the first step on, and nothing that holds it. */
export function reckless({ options, twin, ...recipe }: Recipe): Recipe {
  const fast = (of: FitOptions): FitOptions => ({
    ...of,
    rate: TOO_HIGH * of.rate,
    adaptorShare: 1,
    warmUpSteps: 1,
    frozenEpochs: 0,
    pull: 0,
    clip: Infinity,
  })
  return { ...recipe, options: fast(options), twin: twin && fast(twin) }
}

const MONTH = 30 * 24 * 3_600_000

export interface Farm {
  bots: number
  /** Clicks of each over the month. */
  clicks: number
  /** What they click, in an order of their own; any item where absent. */
  pushed?: number
  seed: number
}

/** The dataset with the clicks of a bot farm in its last month, each bot a new user with the highest numbers. */
export function withBots(dataset: Dataset, { bots, clicks, pushed, seed }: Farm): Dataset {
  const random = new Random(seed)
  const { events, userCount: honest, itemIds } = dataset
  const to = events.times[events.times.length - 1]
  const from = Math.max(events.times[0], to - MONTH)
  const pool = random.permutation(itemIds.length).subarray(0, pushed ?? itemIds.length)
  const made: { user: number; item: number; at: number }[] = []
  for (let bot = 0; bot < bots; bot++) {
    const order = random.permutation(pool.length)
    for (let click = 0; click < Math.min(clicks, pool.length); click++)
      made.push({ user: honest + bot, item: pool[order[click]], at: Math.floor(from + random.next() * (to - from)) })
  }
  const all = [
    ...Array.from(events.items, (item, row) => ({
      user: events.users[row],
      item,
      at: events.times[row],
      type: events.types[row],
    })),
    ...made.map((one) => ({ ...one, type: 0 })),
  ]
  all.sort((a, b) => a.at - b.at)
  const columns: EventColumns = {
    users: Uint32Array.from(all, ({ user }) => user),
    items: Uint32Array.from(all, ({ item }) => item),
    types: Uint8Array.from(all, ({ type }) => type),
    times: Float64Array.from(all, ({ at }) => at),
  }
  return { ...dataset, events: columns, userCount: honest + bots, read: all.length }
}

/** The split whose test asks nobody with a number of `honest` or above. */
export const askingOnly = (split: Split, honest: number): Split => ({
  ...split,
  test: split.test.filter(({ user }) => user < honest),
})
