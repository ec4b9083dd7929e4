import { isTelling, itemText, type ItemWords } from './item-text.js'
import { factToken, tokensOf } from './item-tokens.js'

/** What a tenant may tell about an item, in words and otherwise. */
export interface ItemFacts extends ItemWords {
  price?: number | null
}

const MOST_PAIRS = 16
/** Of one attribute, so that a long list of tags leaves room for the others. */
const MOST_VALUES = 8
const LONGEST_NAME = 64
// What is longer is a text of its own, which no other item repeats.
const LONGEST_VALUE = 80

/**
 * Ratios of a price to the next of its band's kind. The wide bands join what costs about the same in a small shop, the
 * narrow ones tell prices apart where one of the wide ones would hold a great part of the catalogue and say nothing.
 */
const BANDS = [2, 2 ** 0.25]

/**
 * What is said of an item as hashes, distinct, ascending, never 0: the words of its text, and beside them what is told
 * otherwise: attributes with their values, and the bands that the price lies in. What the text says already is not said
 * twice: whole categories beside their words ranked by 0 to 7 % worse on five public sets. The same facts give the same
 * tokens, whatever the order of the attributes.
 */
export function itemTokens(item: ItemFacts): Uint32Array {
  const tokens = new Set(tokensOf(itemText(item)))
  for (const fact of factsOf(item)) tokens.add(factToken(fact))
  return Uint32Array.from(tokens).sort()
}

/** What is told of an item otherwise than in words, spelled out. */
export const factsOf = ({ attributes, price }: ItemFacts): string[] => [
  ...pairsOf(attributes ?? {}),
  ...bandsOf(price ?? NaN),
]

function pairsOf(attributes: Readonly<Record<string, unknown>>): string[] {
  const names = Object.keys(attributes).filter((name) => name.length <= LONGEST_NAME)
  const pairs: string[] = []
  for (const name of names.sort()) {
    const value = attributes[name]
    const values = Array.isArray(value) ? (value as unknown[]).slice(0, MOST_VALUES) : [value]
    for (const each of values) {
      const told = typeof each === 'string' && isTelling(name) ? null : valueOf(each)
      if (told === null) continue
      // Quoted, so that no name can end where another one's value begins.
      pairs.push(`attribute:${JSON.stringify(name.toLowerCase())}=${told}`)
      if (pairs.length === MOST_PAIRS) return pairs
    }
  }
  return pairs
}

/** Null for what can not be compared. */
function valueOf(value: unknown): string | null {
  if (typeof value === 'string') return value.length > LONGEST_VALUE ? null : value.trim().toLowerCase() || null
  if (typeof value === 'boolean' || Number.isFinite(value)) return String(value)
  return null
}

/**
 * Of each width two bands, the second half a band further: of two prices the nearer they are, the more bands they share,
 * and of a width always one where they are within half of it. Gifts are their own kind; less than nothing is no price.
 */
function bandsOf(price: number): string[] {
  if (price === 0) return ['price:0']
  if (!(price > 0) || price === Infinity) return []
  return BANDS.flatMap((ratio, width) => {
    const place = Math.log(price) / Math.log(ratio)
    return [`price:${width}:${Math.floor(place)}`, `price:${width}+:${Math.floor(place + 0.5)}`]
  })
}
