/** How a list is bent: what a request or a scenario may say. */
export interface Rules {
  categories: string[]
  priceFrom: number | ''
  priceTo: number | ''
  /** Any further filter, as JSON. */
  filter: string
  boosts: { category: string; weight: number }[]
  diversity: number
  freshness: number
  excludeSeen: boolean
}

export const NO_RULES: Rules = {
  categories: [],
  priceFrom: '',
  priceTo: '',
  filter: '',
  boosts: [],
  diversity: 0,
  freshness: 0,
  excludeSeen: false,
}

/** Whether a text is a JSON object; empty: nothing is said. */
export function isFilter(text: string): boolean {
  if (text.trim() === '') return true
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** The options of a request; empty: as the list comes. */
export function optionsOf(rules: Rules): Record<string, unknown> {
  const { categories, priceFrom, priceTo, filter, boosts, diversity, freshness, excludeSeen } = rules
  const filters = [
    categories.length > 0 && { categories: { any: categories } },
    (priceFrom !== '' || priceTo !== '') && {
      price: { ...(priceFrom !== '' && { gte: priceFrom }), ...(priceTo !== '' && { lte: priceTo }) },
    },
    filter.trim() !== '' && isFilter(filter) && (JSON.parse(filter) as object),
  ].filter((one) => one !== false)
  const boost = boosts
    .filter(({ category }) => category !== '')
    .map(({ category, weight }) => ({ filter: { categories: { any: [category] } }, weight }))
  return {
    ...(filters.length === 1 && { filter: filters[0] }),
    ...(filters.length > 1 && { filter: { and: filters } }),
    ...(boost.length > 0 && { boost }),
    ...(diversity > 0 && { diversity }),
    ...(freshness > 0 && { freshness }),
    ...(excludeSeen && { excludeSeen }),
  }
}

export const hasRules = (rules: Rules) => Object.keys(optionsOf(rules)).length > 0
