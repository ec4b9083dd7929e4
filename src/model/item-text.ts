/** What a tenant may tell about an item in words. */
export interface ItemWords {
  title?: string | null
  description?: string | null
  categories?: readonly string[] | null
  attributes?: Readonly<Record<string, unknown>> | null
}

// The mean of the tokens is only as good as its words: the first sentences of a description say what a thing is, the
// rest how to wash it.
const MAX_DESCRIPTION = 300
const MAX_TITLE = 300
const MAX_VALUE = 80
const MAX_VALUES = 12

// Attributes that say what an item is or who made it, in the order in which they are read. Sizes, codes and flags say
// nothing to a text encoder.
const TELLING = [
  'brand',
  'manufacturer',
  'author',
  'authors',
  'artist',
  'director',
  'designer',
  'publisher',
  'series',
  'franchise',
  'genre',
  'genres',
  'type',
  'style',
  'material',
  'topic',
  'topics',
  'tags',
  'keywords',
]
const RANK = new Map(TELLING.map((name, i) => [name, i]))
const LONGEST_NAME = Math.max(...TELLING.map((name) => name.length))

/** Whether the text of an item holds the words of this attribute. */
export const isTelling = (name: string): boolean => name.length <= LONGEST_NAME && RANK.has(name.toLowerCase())

const MARKUP = /<[^<>]*>|&#?\w{1,10};/g

/**
 * The text of an item that is encoded: title, categories, telling attributes, the start of the description, one a line.
 * Every part has a limit, so a description of a megabyte costs no more than one of a page; markup is left out.
 * The order of the attributes in the object does not matter.
 */
export function itemText({ title, description, categories, attributes }: ItemWords): string {
  const parts = [
    (title ?? '').slice(0, MAX_TITLE),
    ...(categories ?? []).slice(0, MAX_VALUES).map((category) => category.slice(0, MAX_VALUE)),
    ...tellingValues(attributes ?? {}),
    // Twice the limit before the markup goes, so that a page that opens with tags still has its words.
    (description ?? '')
      .slice(0, 2 * MAX_DESCRIPTION)
      .replace(MARKUP, ' ')
      .slice(0, MAX_DESCRIPTION),
  ]
  return parts.filter((part) => part.trim() !== '').join('\n')
}

function tellingValues(attributes: Readonly<Record<string, unknown>>): string[] {
  const found: { rank: number; values: string[] }[] = []
  for (const [name, value] of Object.entries(attributes)) {
    const rank = name.length > LONGEST_NAME ? undefined : RANK.get(name.toLowerCase())
    if (rank === undefined) continue
    const values = (Array.isArray(value) ? value.slice(0, MAX_VALUES) : [value]).filter((v) => typeof v === 'string')
    found.push({ rank, values: values.map((v) => v.slice(0, MAX_VALUE)) })
  }
  found.sort((a, b) => a.rank - b.rank)
  return found.flatMap(({ values }) => values).slice(0, MAX_VALUES)
}
