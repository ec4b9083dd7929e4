// Fits the shipped prior of the text space:
//
//   npm run build && node dist/scripts/models/text-prior.js --data DIR
//
// DIR (or ATTUNE_DATA) holds the folder open-ecommerce. Its books are left out, so that the bookshop among the samples
// is a shop that nothing shipped has seen.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { itemText } from '../../src/model/item-text.js'
import { encodeTensors } from '../../src/model/tensor-file.js'
import { TEXT_LENGTH, TextEncoder } from '../../src/model/text-encoder.js'
import { encodePrior, measureMoments } from '../../src/model/text-space.js'
import { packagePath } from '../../src/platform/paths.js'
import { BOOK_CATEGORIES } from '../samples.js'
import { readShop } from '../shop-files.js'

// Chosen by scripts/models/text-quality.ts: more helps catalogues of a few dozen items no further, and holds those of a
// thousand back.
const WEIGHT = 100

const { values } = parseArgs({ options: { data: { type: 'string' }, out: { type: 'string' } } })
const data = values.data ?? process.env.ATTUNE_DATA
if (!data) throw new Error('where is the data? --data DIR, or ATTUNE_DATA')

const folder = packagePath('models', 'text-encoder')
const encoder = new TextEncoder(
  readFileSync(join(folder, 'table.safetensors')),
  readFileSync(join(folder, 'vocab.txt')),
)
const items = readShop(join(data, 'open-ecommerce')).items.filter(
  ({ categories }) => !categories.some((category) => BOOK_CATEGORIES.includes(category)),
)
const { count, mean, covariance } = measureMoments(encoder.encodeAll(items.map(itemText)), TEXT_LENGTH)
const prior = { mean: Float32Array.from(mean), covariance: Float32Array.from(covariance), weight: WEIGHT }
const file = encodeTensors(encodePrior(prior), {
  licence: 'CC0-1.0',
  source: 'Open e-commerce 1.0 (doi:10.7910/DVN/YGLYDY), without books',
  items: `${count}`,
})
const out = values.out ?? join(folder, 'prior.safetensors')
writeFileSync(out, file)
console.log(`${count} items; ${file.length} bytes, sha256 ${createHash('sha256').update(file).digest('hex')}`)
