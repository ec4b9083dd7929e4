// Shops as the trials of pre-trained weights need them: a share of the users to learn from, all that the published
// protocol asks to be judged by, and the same texts, counts and norms of pairs as a training run would have.
import { join } from 'node:path'
import { textEncoder } from '../../src/catalog/item-vectors.js'
import { Counts } from '../../src/model/counts.js'
import type { EnsembleParts } from '../../src/model/ensemble.js'
import { fitHalfLife } from '../../src/model/half-life.js'
import { type EventType, groupByUser, type Histories, keepRows, userCount } from '../../src/model/history.js'
import { itemText } from '../../src/model/item-text.js'
import { Random } from '../../src/model/random.js'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'
import { rowsOf, type TextMatrix } from '../../src/model/text-matrix.js'
import { fitTextSpace, whitenAll } from '../../src/model/text-space.js'
import type { Engine } from '../../src/platform/tensorflow.js'
import { shippedPrior } from '../../src/registry/shipped-base.js'
import type { Ground } from '../../src/training/fitting.js'
import { choosePairNorms } from '../../src/training/pair-norms.js'
import { type Case, leaveOneOut, type Split } from '../../src/training/split.js'
import { readShop, type Shop } from '../shop-files.js'

/** The data has one type of event each, or kinds of attention; what a user had is not asked for again. */
export const TYPES: EventType[] = [{ name: 'event', weight: 1, meaning: 'positive' }]
export const HIDES = Uint8Array.of(1)

const RANDOM_USERS = 77
const VALIDATED = 500

export type Parts = Omit<EnsembleParts, 'network' | 'blend'>

export interface Tenant {
  name: string
  ground: Ground
  /** What is known when validation's users are asked, and when the test's are. */
  learning: Parts
  testing: Parts
}

export interface TenantOptions {
  /** Of the users, whose events are learned from. */
  share: number
  seed: number
  engine: Engine
  /** That are asked at most. */
  users?: number
}

/** A folder of the data as a tenant, leave-one-out. */
export const readTenant = (data: string, folder: string, options: TenantOptions): Tenant =>
  tenantOf(folder, readShop(join(data, folder)), options)

export function tenantOf(name: string, shop: Shop, { share, seed, engine, users = 1000 }: TenantOptions): Tenant {
  const histories = historiesOf(shop)
  const raw = textEncoder().encodeAll(shop.items.map(itemText))
  const text = whitenAll(fitTextSpace(raw, TEXT_LENGTH, shippedPrior()), rowsOf(raw, TEXT_LENGTH))
  const split = shareOf(leaveOneOut(histories, { users, maxValidation: VALIDATED }), share)
  return tenantFrom(name, { split, text, itemCount: shop.items.length, seed, engine })
}

export function tenantFrom(
  name: string,
  about: Pick<Ground, 'split' | 'itemCount' | 'seed' | 'engine'> & { text: TextMatrix },
): Tenant {
  const { split, text, itemCount } = about
  const halfLife = fitHalfLife(split.train, itemCount, TYPES)
  const counts = Counts.from(split.train, itemCount, { types: TYPES, halfLife })
  const { norms } = choosePairNorms(counts, [...split.validation.stopping, ...split.validation.blending])
  return {
    name,
    ground: { ...about, typeWeights: [1], hides: HIDES, threads: 1 },
    learning: { itemCount, text, counts: counts.withNorms(norms) },
    testing: { itemCount, text, counts: Counts.from(split.beforeTest, itemCount, { types: TYPES, halfLife, norms }) },
  }
}

export function historiesOf({ items, interactions }: Shop): Histories {
  const places = new Map(items.map(({ id }, place) => [id, place]))
  const users = new Map<string, number>()
  const rows = interactions.flatMap(({ userId, itemId, at }) => {
    const place = places.get(itemId)
    if (place === undefined) return []
    if (!users.has(userId)) users.set(userId, users.size)
    return [{ user: users.get(userId)!, place, at }]
  })
  return groupByUser(
    {
      users: Uint32Array.from(rows, ({ user }) => user),
      items: Uint32Array.from(rows, ({ place }) => place),
      types: new Uint8Array(rows.length),
      times: Float64Array.from(rows, ({ at }) => at * 1000),
    },
    users.size,
  )
}

/** The same split with only the events of some users to learn from; the test asks everybody all the same. */
export function shareOf(split: Split, share: number): Split {
  const random = new Random(RANDOM_USERS)
  const isKept = Array.from({ length: userCount(split.train) }, () => share === 1 || random.next() < share)
  const kept = (cases: Case[]) => cases.filter(({ user }) => isKept[user])
  const keptRows = (part: Histories) => keepRows(part, (_, user) => isKept[user])
  const { offsets } = split.beforeTest
  const events: number[] = []
  for (let user = 0; user < isKept.length; user++)
    if (isKept[user]) for (let row = offsets[user]; row < offsets[user + 1]; row++) events.push(split.validation.events[row])
  return {
    ...split,
    train: keptRows(split.train),
    beforeTest: keptRows(split.beforeTest),
    validation: {
      stopping: kept(split.validation.stopping),
      blending: kept(split.validation.blending),
      events: Uint8Array.from(events),
    },
  }
}

export const percent = (value: number): string => (100 * value).toFixed(2)

/** "+0.31 (-0.02 to +0.66)", in points of %. */
export function signed({ mean, low, high }: { mean: number; low: number; high: number }): string {
  const sign = (value: number) => `${value > 0 ? '+' : ''}${percent(value)}`
  return `${sign(mean)} (${sign(low)} to ${sign(high)})`
}

/** The mean of differences on shops that are independent of each other. */
export function pooled(differences: { mean: number; low: number; high: number }[]) {
  const count = differences.length
  const mean = differences.reduce((sum, one) => sum + one.mean, 0) / count
  const variance = differences.reduce((sum, { low, high }) => sum + ((high - low) / 2) ** 2, 0) / count ** 2
  return { mean, low: mean - Math.sqrt(variance), high: mean + Math.sqrt(variance) }
}
