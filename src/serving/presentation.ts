import type { Contribution } from '../model/ensemble.js'
import type { ServedItem } from './catalog-mirror.js'
import type { LiveModel } from './live-model.js'
import type { Ranking } from './ranking.js'
import type { Property, Recommendation } from './recommend.schema.js'

/** Reasons given for one item: more would be noise. */
const MAX_REASONS = 3

/** A ranking as it is answered: ids, scores in place of their logarithms, and what was asked for beside them. */
export function present(
  model: LiveModel,
  { picks, because }: Ranking,
  returnProperties: boolean | Property[] = false,
): Recommendation[] {
  return picks.map(({ item, value, source }, place) => {
    const served = model.catalog.at(item)
    return {
      itemId: model.catalog.ids[item],
      score: Math.exp(value),
      source,
      ...(because && { reason: { because: reasons(model, because[place]) } }),
      ...(returnProperties && served && { properties: propertiesOf(served, returnProperties) }),
    }
  })
}

const reasons = (model: LiveModel, because: Contribution[]) =>
  because.slice(0, MAX_REASONS).map(({ item, weight }) => ({ itemId: model.catalog.ids[item], weight }))

function propertiesOf(item: ServedItem, wanted: true | Property[]): Recommendation['properties'] {
  const { title, description, categories, attributes, url, imageUrl, price, available, publishedAt, expiresAt } = item
  const all = { title, description, categories, attributes, url, imageUrl, price, available, publishedAt, expiresAt }
  if (wanted === true) return all
  return Object.fromEntries(wanted.map((name) => [name, all[name]]))
}
