import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { buildSamples, cutBookshop } from '../../scripts/samples.js'
import { parseCsv, readShop } from '../../scripts/shop-files.js'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe.each(['gift-shop', 'bookshop'])('samples/%s', (name) => {
  const folder = join('samples', name)
  const shop = readShop(folder)

  it('is what its README says', () => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8')
    for (const file of ['items.csv.gz', 'interactions.csv.gz']) {
      const packed = readFileSync(join(folder, file))
      expect(readme).toContain(`| ${file} | \`${sha256(packed)}\` | \`${sha256(gunzipSync(packed))}\` |`)
    }
    expect(readme).toContain(`| events (all \`purchase\`) | ${shop.interactions.length.toLocaleString('en')} |`)
  })

  it('has titled items, each once, events in order of time, and no event without its item', () => {
    const ids = new Set(shop.items.map(({ id }) => id))
    expect(ids.size).toBe(shop.items.length)
    expect(shop.items.filter(({ title }) => title === '')).toEqual([])
    expect(shop.interactions.filter(({ itemId }) => !ids.has(itemId))).toEqual([])
    const times = shop.interactions.map(({ at }) => at)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })
})

describe('cutting the bookshop', () => {
  const item = (id: string, title: string, category: string) => ({ id, title, categories: [category], description: '' })
  const bought = (userId: string, itemId: string, at: number) => ({ userId, itemId, at, type: 'purchase', value: 1 })

  it('keeps books only, gives buyers numbers and ISBNs their zeros back', () => {
    const shop = cutBookshop({
      items: [
        item('0316066524', 'Infinite Jest', 'Abis Book'),
        item('316066524', 'Infinite Jest', 'Abis Book'),
        item('B071VCQJ24', 'Amazon.com Gift Card', 'Abis Book'),
        item('B000000001', 'Slow cooker', 'Slow Cooker'),
      ],
      interactions: [
        bought('R_b', 'B000000001', 1),
        bought('R_a', '316066524', 2),
        bought('R_b', '0316066524', 2),
        bought('R_a', 'B071VCQJ24', 3),
      ],
    })
    expect(shop.items).toEqual([item('0316066524', 'Infinite Jest', 'Abis Book')])
    expect(shop.interactions).toEqual([bought('1', '0316066524', 2), bought('2', '0316066524', 2)])
  })
})

describe('shop files', () => {
  it('reads fields in quotes, doubled quotes, line ends inside and both kinds of line end', () => {
    expect(parseCsv('a,"b, ""c""",\r\n"d\ne",,f\n')).toEqual([
      ['a', 'b, "c"', ''],
      ['d\ne', '', 'f'],
    ])
    expect(parseCsv('a,b')).toEqual([['a', 'b']])
    expect(() => parseCsv('a,"b')).toThrow('not CSV at character 2')
  })
})

const data = process.env.ATTUNE_DATA
if (!data) console.error('SKIPPED: rebuilding the samples (ATTUNE_DATA does not say where their sources are)')

it.skipIf(!data)('the samples are rebuilt byte for byte', () => {
  for (const { name, shop, files } of buildSamples(data!)) {
    expect(readShop(join('samples', name))).toEqual(shop)
    for (const [file, text] of Object.entries(files)) {
      const kept = readFileSync(join('samples', name, file))
      expect(gunzipSync(kept).equals(Buffer.from(text)), `${name}/${file}, unpacked`).toBe(true)
    }
  }
})
