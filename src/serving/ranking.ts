import type { Contribution } from '../model/ensemble.js'
import { compileFilter } from './filter.js'
import type { LiveModel } from './live-model.js'
import type { PastEvent, Scored } from './scored.js'
import type { Options, Source } from './recommend.schema.js'
import { diversify, largest, poolFor, recencyOf, weigh, type Weighing } from './rules.js'

/** One place of a list. */
export interface Pick {
  item: number
  /** Logarithm of the rank score. */
  value: number
  source: Source
}

export interface Ranking {
  picks: Pick[]
  source: Source
  /** The model's score of the first pick, before rules; null without one. */
  score: number | null
  /** For each pick, what of the history it was recommended for; only where it was asked for. */
  because?: Contribution[][]
}

/** What a user is not shown again. */
export interface Hiding {
  /** Types of events that hide their item. */
  types: ReadonlySet<string>
  /** Items that are hidden by what is stored of the user, however long ago. */
  itemIds: string[]
}

/** Items of a list that nobody said a length for. */
export const DEFAULT_COUNT = 10
const AS_SCORED: Weighing = { freshness: 0, recency: () => 1, boost: null }

/**
 * The list for one user: availability and expiry, filter, exclusions, model score, freshness, boosts, diversity, count.
 * Where the user has seen all that is left, what he has seen comes back by popularity: the list is empty only where the
 * filter, `excludeItemIds` and boosts of 0 leave nothing.
 * @param past what the user is scored by
 */
export function rankFor(model: LiveModel, past: PastEvent[], options: Options, hiding: Hiding, now: number): Ranking {
  const hidden = hiddenItems(model, past, options.excludeSeen, hiding)
  const allowed = allowedBy(model, options)
  const available = model.available(now)
  const unseen = hidden.size === 0 ? available : without(available, hidden)
  const candidates = allowed ? unseen.filter(allowed) : unseen
  // Scored among all that this user could get: what a score means must not depend on the filter.
  if (candidates.length > 0) {
    const history = model.interactions(past)
    const ranking = cut(model, candidates, model.score(history, unseen, now), options, now)
    // Boosts of 0 exclude too.
    if (ranking.picks.length > 0 || hidden.size === 0) return ranking
  }
  const seen = allowed ? available.filter(allowed) : available
  return cut(model, seen, model.popular(seen, now), options, now)
}

/** All of a given list, best first, whether available or not. @param items indices of the catalogue */
export function rankGiven(
  model: LiveModel,
  items: number[],
  past: PastEvent[],
  explain: boolean | undefined,
  now: number,
): Ranking {
  const candidates = Uint32Array.from(new Set(items)).sort()
  const among = new Set([...model.available(now), ...candidates])
  const scored = model.score(model.interactions(past), Uint32Array.from(among).sort(), now)
  return cut(model, candidates, scored, { count: candidates.length, explain }, now)
}

/** What goes with one item. */
export function rankSimilar(model: LiveModel, item: number, count: number, now: number): Ranking {
  const candidates = model.available(now).filter((other) => other !== item)
  return cut(model, candidates, model.similar(item, candidates, now), { count }, now)
}

/** What is wanted now. @param hours how far back to count; without it newer events weigh more */
export function rankTrending(model: LiveModel, count: number, hours: number | undefined, now: number): Ranking {
  const candidates = model.available(now)
  return cut(model, candidates, model.trending(candidates, now, hours), { count }, now)
}

function cut(
  model: LiveModel,
  candidates: Uint32Array,
  { scores, sourceOf, explain }: Scored,
  options: Options,
  now: number,
): Ranking {
  const { count = DEFAULT_COUNT, diversity = 0 } = options
  const values = weigh(candidates, scores, weighing(model, options, now))
  let places = largest(values, diversity > 0 ? poolFor(count) : count)
  if (diversity > 0) {
    const pool = places
    const chosen = diversify(
      Uint32Array.from(pool, (place) => candidates[place]),
      Float64Array.from(pool, (place) => values[place]),
      count,
      diversity,
      model.catalog.text,
    )
    places = chosen.map((at) => pool[at])
  }
  const picks = Array.from(places, (place): Pick => {
    const item = candidates[place]
    return { item, value: values[place], source: sourceOf(item) }
  })
  const ranking = {
    picks,
    source: picks[0]?.source ?? 'popular',
    score: picks.length > 0 ? scores[picks[0].item] : null,
  }
  return options.explain ? { ...ranking, because: explain(picks.map(({ item }) => item)) } : ranking
}

function hiddenItems(
  model: LiveModel,
  past: PastEvent[],
  excludeSeen: boolean | undefined,
  { types, itemIds }: Hiding,
): Set<number> {
  const hidden = new Set<number>()
  if (excludeSeen === false) return hidden
  const told = past.filter(({ type }) => excludeSeen || type === null || types.has(type))
  for (const itemId of [...itemIds, ...told.map((event) => event.itemId)]) {
    const item = model.catalog.indexOf(itemId)
    if (item !== undefined) hidden.add(item)
  }
  return hidden
}

function without(items: Uint32Array, hidden: Set<number>): Uint32Array {
  const kept = new Uint32Array(items.length)
  let count = 0
  for (const item of items) if (!hidden.has(item)) kept[count++] = item
  return kept.subarray(0, count)
}

/** Null: everything is. */
function allowedBy(model: LiveModel, { filter, excludeItemIds = [] }: Options): ((item: number) => boolean) | null {
  if (!filter && excludeItemIds.length === 0) return null
  const excluded = new Set(excludeItemIds.map((itemId) => model.catalog.indexOf(itemId)))
  const holds = filter && compileFilter(filter)
  return (item) => {
    if (excluded.has(item)) return false
    const served = model.catalog.at(item)
    return served !== null && (!holds || holds(served))
  }
}

function weighing(model: LiveModel, { freshness = 0, boost = [] }: Options, now: number): Weighing {
  if (freshness === 0 && boost.length === 0) return AS_SCORED
  const boosts = boost.map(({ filter, weight }) => ({ holds: compileFilter(filter), weight }))
  return {
    freshness,
    recency: (item) => recencyOf(model.since(item), now),
    boost:
      boosts.length === 0
        ? null
        : (item) => {
            const served = model.catalog.at(item)
            if (!served) return 0
            return boosts.reduce((product, { holds, weight }) => (holds(served) ? product * weight : product), 1)
          },
  }
}
