import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

/** One row of `items.csv.gz`. */
export interface ShopItem {
  id: string
  title: string
  categories: string[]
  description: string
}

/** One row of `interactions.csv.gz`. `at`: seconds since 1970 (UTC), or an order number in data without real time. */
export interface ShopInteraction {
  userId: string
  itemId: string
  at: number
  type: string
  /** A quantity or a rating, where the source has one. */
  value: number | null
}

export interface Shop {
  items: ShopItem[]
  /** In order of time, ties in order of arrival. */
  interactions: ShopInteraction[]
}

const ITEMS = 'items.csv.gz'
const INTERACTIONS = 'interactions.csv.gz'
const ITEM_COLUMNS = ['item_id', 'title', 'categories', 'description']
const INTERACTION_COLUMNS = ['user_id', 'item_id', 'timestamp', 'type', 'value']

/**
 * Reads a folder with `items.csv.gz` and `interactions.csv.gz`: the form of the samples, and of the data for benches.
 *
 * @throws {Error} when a file is missing or has other columns
 */
export function readShop(folder: string): Shop {
  return {
    items: readRows(join(folder, ITEMS), ITEM_COLUMNS).map(([id, title, categories, description]) => ({
      id,
      title,
      categories: categories === '' ? [] : categories.split('|'),
      description,
    })),
    interactions: readRows(join(folder, INTERACTIONS), INTERACTION_COLUMNS).map(
      ([userId, itemId, timestamp, type, value]) => ({
        userId,
        itemId,
        at: Number(timestamp),
        type,
        value: value === '' ? null : Number(value),
      }),
    ),
  }
}

/** The two files of a shop by name, plain (not yet packed): what `readShop` reads back once packed. */
export function shopFiles({ items, interactions }: Shop): Record<string, string> {
  return {
    [ITEMS]: formatCsv([
      ITEM_COLUMNS,
      ...items.map((item) => [item.id, item.title, item.categories.join('|'), item.description]),
    ]),
    [INTERACTIONS]: formatCsv([
      INTERACTION_COLUMNS,
      ...interactions.map(({ userId, itemId, at, type, value }) => [userId, itemId, `${at}`, type, `${value ?? ''}`]),
    ]),
  }
}

/** gzip with nothing in its header that depends on the hour or the system. */
export function pack(text: string): Buffer {
  const packed = gzipSync(text, { level: 9 })
  packed[9] = 255 // operating system: unknown
  return packed
}

function readRows(file: string, columns: string[]): string[][] {
  const [header, ...rows] = parseCsv(gunzipSync(readFileSync(file)).toString('utf8'))
  if (header?.join() !== columns.join()) throw new Error(`${file} should have the columns ${columns.join()}`)
  return rows
}

/** The rows of a CSV text by RFC 4180: fields in quotes may hold commas, line ends and doubled quotes. */
export function parseCsv(text: string): string[][] {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y
  const rows: string[][] = []
  let row: string[] = []
  while (field.lastIndex < text.length || row.length > 0) {
    const at = field.lastIndex
    const found = field.exec(text)
    if (!found) throw new Error(`not CSV at character ${at}`)
    row.push(found[1]?.replaceAll('""', '"') ?? found[2])
    if (found[3] === ',') continue
    rows.push(row)
    row = []
  }
  return rows
}

/** The inverse of `parseCsv`: quotes only where needed, line ends as \n. */
function formatCsv(rows: string[][]): string {
  const quote = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)
  return rows.map((row) => `${row.map(quote).join(',')}\n`).join('')
}
