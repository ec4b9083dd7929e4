// Cuts the two samples of `samples/` from their sources, and prints the figures of their READMEs.
//
//   npm run build && node dist/scripts/samples.js --data DIR
//
// DIR holds the folders `online-retail` and `open-ecommerce` in the form of shop-files.ts. The same input gives the
// same files, byte for byte.

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { pack, readShop, shopFiles, type Shop, type ShopInteraction } from './shop-files.js'

/** The categories of open-ecommerce that hold books; what is trained on the rest has never seen the bookshop. */
export const BOOK_CATEGORIES: readonly string[] = ['Abis Book', 'Book', 'Books 1973 And Later']

// Half a year, about 224,000 events: enough customers for tight intervals, few enough for minutes on two cores.
const GIFT_SHOP_SINCE = Date.UTC(2011, 6, 1) / 1000

/** The last months of the gift shop, with the whole catalogue: products of last season stand on its shelves too. */
export function cutGiftShop({ items, interactions }: Shop): Shop {
  return { items, interactions: interactions.filter(({ at }) => at >= GIFT_SHOP_SINCE) }
}

/** The books among all purchases. Buyers get running numbers in place of their survey ids. */
export function cutBookshop({ items, interactions }: Shop): Shop {
  const books = new Map(
    items
      .filter(({ categories }) => categories.some((category) => BOOK_CATEGORIES.includes(category)))
      // The source calls them books, nobody else does.
      .filter(({ title }) => !title.startsWith('Amazon.com Gift Card'))
      .map((item) => [item.id, { ...item, id: wholeIsbn(item.id) }]),
  )
  const buyers = new Map<string, string>()
  const numberOf = (userId: string) => {
    if (!buyers.has(userId)) buyers.set(userId, `${buyers.size + 1}`)
    return buyers.get(userId)!
  }
  const byId = new Map([...books.values()].map((book) => [book.id, book]))
  return {
    items: [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    interactions: interactions
      .filter(({ itemId }) => books.has(itemId))
      .map((row) => ({ ...row, userId: numberOf(row.userId), itemId: books.get(row.itemId)!.id })),
  }
}

/** Part of the source lost the leading zeros of its ISBNs, and so has some books under two ids. */
const wholeIsbn = (id: string) => (/^\d+X?$/.test(id) ? id.padStart(10, '0') : id)

const samples = [
  { name: 'gift-shop', source: 'online-retail', cut: cutGiftShop },
  { name: 'bookshop', source: 'open-ecommerce', cut: cutBookshop },
]

/** The samples, each with its files by name, not yet packed. */
export function* buildSamples(
  dataFolder: string,
): Generator<{ name: string; shop: Shop; files: Record<string, string> }> {
  for (const { name, source, cut } of samples) {
    const shop = cut(readShop(join(dataFolder, source)))
    yield { name, shop, files: shopFiles(shop) }
  }
}

/** The counts of a README. */
function describe({ items, interactions }: Shop): Record<string, string | number> {
  const byUser = new Map<string, ShopInteraction[]>()
  for (const row of interactions) {
    const rows = byUser.get(row.userId)
    if (rows) rows.push(row)
    else byUser.set(row.userId, [row])
  }
  const perUser = [...byUser.values()].map((rows) => rows.length).sort((a, b) => a - b)
  const date = (row: ShopInteraction) => new Date(row.at * 1000).toISOString()
  const onBothSides = (share: number) => {
    const { at } = interactions[Math.floor(interactions.length * share)]
    return [...byUser.values()].filter((rows) => rows[0].at < at && rows.at(-1)!.at >= at).length
  }
  return {
    events: interactions.length,
    users: byUser.size,
    'items sold': new Set(interactions.map(({ itemId }) => itemId)).size,
    'items in the catalogue': items.length,
    'baskets (one user, one moment)': new Set(interactions.map(({ userId, at }) => `${userId} ${at}`)).size,
    'events per user, least': perUser[0],
    'events per user, median': perUser[perUser.length >> 1],
    'events per user, mean': (interactions.length / byUser.size).toFixed(1),
    'events per user, most': perUser.at(-1)!,
    'users with 5 or more events': perUser.filter((count) => count >= 5).length,
    'users with events before and after 80 % of all': onBothSides(0.8),
    'users with events before and after 90 % of all': onBothSides(0.9),
    first: date(interactions[0]),
    last: date(interactions.at(-1)!),
  }
}

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')

function main(): void {
  const { values } = parseArgs({ options: { data: { type: 'string' }, out: { type: 'string', default: 'samples' } } })
  const data = values.data ?? process.env.ATTUNE_DATA
  if (!data) throw new Error('where are the sources? --data DIR, or ATTUNE_DATA')
  for (const { name, shop, files } of buildSamples(data)) {
    console.log(`\n${name}`)
    for (const [what, value] of Object.entries(describe(shop))) console.log(`| ${what} | ${value} |`)
    const folder = join(values.out, name)
    mkdirSync(folder, { recursive: true })
    for (const [file, text] of Object.entries(files)) {
      const packed = pack(text)
      writeFileSync(join(folder, file), packed)
      console.log(`${file} ${packed.length} bytes, sha256 ${sha256(packed)}; unpacked ${sha256(text)}`)
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main()
