import { decodeTensors } from './tensor-file.js'
import { splitWords, WordPiece } from './wordpiece.js'

/** Dimensions of the token table. */
const DENSE_LENGTH = 256
/** Dimensions of the hashed bag of words. */
const LEXICAL_LENGTH = 128
/** Length of what `TextEncoder.encode` returns. */
export const TEXT_LENGTH = DENSE_LENGTH + LEXICAL_LENGTH

// The bag's length beside the table's 1. Between .3 and .8 the measured difference is noise.
const LEXICAL_WEIGHT = 0.5
// Longer texts say little more about an item, and a hostile one must not cost more than this.
const MAX_TEXT = 2_000
// As in BERT: what is longer is not a word.
const MAX_WORD = 100
// Titles of one catalogue repeat few words; a flood of new ones may only cost time, not memory.
const MAX_CACHED_WORDS = 50_000
const MAX_CACHED_WORD = 24
// A word in pieces of fewer letters than this on average is spelled, not understood.
const SHORTEST_PIECE = 1.5

const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u
const HAN = /\p{Script=Han}/u
// The table was made from an English vocabulary: of other scripts it has single letters, all of them alike.
const FOREIGN = /(?!\p{Script=Latin})\p{L}/u

/** What one word adds to a text, found once. */
interface Word {
  /** Rows of the table; empty for words that the table does not understand. */
  rows: number[]
  /** Where the hashed bag changes, and by how much. */
  buckets: number[]
  amounts: number[]
  isHan: boolean
}

/**
 * Text to vector without a network: the mean of the rows of a static table distilled from a sentence encoder (the method
 * of model2vec, https://github.com/MinishLab/model2vec; the rows carry their Zipf weight), and beside it a signed hashed
 * bag of words (Weinberger et al. 2009), which keeps brands and model codes apart that the table takes for alike.
 * Words that the table can only spell, and those of other scripts than Latin, go into the bag by their character trigrams.
 * Raw vectors share one large direction: compare them only after `whiten`.
 */
export class TextEncoder {
  private readonly codes: Int8Array
  private readonly scales: Float32Array
  private readonly wordPiece: WordPiece
  private readonly words = new Map<string, Word>()

  /**
   * @param table a tensor file with `codes` [V, 256] int8 and `scales` [V] float32
   * @param vocab the vocabulary in UTF-8, V lines
   * @throws Error when the two do not fit each other or are not what they should be
   */
  constructor(table: Uint8Array, vocab: Uint8Array) {
    const { codes, scales } = decodeTensors(table).arrays
    this.wordPiece = new WordPiece(new TextDecoder().decode(vocab))
    const size = this.wordPiece.size
    if (!(codes?.data instanceof Int8Array && scales?.data instanceof Float32Array)) {
      throw new Error('The token table needs "codes" as int8 and "scales" as float32')
    }
    if (codes.shape.join() !== `${size},${DENSE_LENGTH}` || scales.data.length !== size) {
      throw new Error(`The token table is of shape [${codes.shape.join(', ')}], the vocabulary has ${size} tokens`)
    }
    this.codes = codes.data
    this.scales = scales.data
  }

  /** A vector of length 1, or of zeros where the text has no word. The same text always gives the same vector. */
  encode(text: string): Float32Array {
    return this.encodeAll([text])
  }

  /** Many texts at once: [texts.length, TEXT_LENGTH], row-major. */
  encodeAll(texts: string[]): Float32Array {
    const out = new Float32Array(texts.length * TEXT_LENGTH)
    texts.forEach((text, i) => this.encodeInto(text, out, i * TEXT_LENGTH))
    return out
  }

  private encodeInto(text: string, out: Float32Array, at: number): void {
    const { codes, scales } = this
    const dense = new Float64Array(DENSE_LENGTH)
    const lexical = new Float64Array(LEXICAL_LENGTH)
    let before = ''
    for (const form of splitWords(text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text)) {
      const { rows, buckets, amounts, isHan } = this.lookUp(form)
      for (const row of rows) {
        const scale = scales[row]
        const from = row * DENSE_LENGTH
        for (let j = 0; j < DENSE_LENGTH; j++) dense[j] += codes[from + j] * scale
      }
      for (let i = 0; i < buckets.length; i++) lexical[buckets[i]] += amounts[i]
      // Han characters come one by one; a pair of them is closer to a word.
      if (isHan && before !== '') lexical[bucketOf(before + form)] += signOf(before + form)
      before = isHan ? form : ''
    }
    const denseNorm = norm(dense)
    const lexicalNorm = norm(lexical)
    // Of length 1 in all, so that a text which only the bag understands weighs as much as any other.
    const total = Math.hypot(denseNorm > 0 ? 1 : 0, lexicalNorm > 0 ? LEXICAL_WEIGHT : 0)
    if (denseNorm > 0) {
      for (let j = 0; j < DENSE_LENGTH; j++) out[at + j] = dense[j] / (denseNorm * total)
    }
    if (lexicalNorm > 0) {
      const factor = LEXICAL_WEIGHT / (lexicalNorm * total)
      for (let j = 0; j < LEXICAL_LENGTH; j++) out[at + DENSE_LENGTH + j] = lexical[j] * factor
    }
  }

  private lookUp(form: string): Word {
    const cached = this.words.get(form)
    if (cached) return cached
    const word = this.readWord(form)
    if (form.length <= MAX_CACHED_WORD) {
      if (this.words.size >= MAX_CACHED_WORDS) this.words.clear()
      this.words.set(form, word)
    }
    return word
  }

  private readWord(form: string): Word {
    const word: Word = { rows: [], buckets: [], amounts: [], isHan: HAN.test(form) }
    // Punctuation and symbols only blur the mean.
    if (!LETTER_OR_DIGIT.test(form)) return word
    const ids = form.length > MAX_WORD ? [] : this.wordPiece.pieces(form)
    const spelled = ids.length > 1 && form.length / ids.length < SHORTEST_PIECE
    if (!spelled && !FOREIGN.test(form)) word.rows = ids
    const add = (feature: string, weight: number) => {
      word.buckets.push(bucketOf(feature))
      word.amounts.push(signOf(feature) * weight)
    }
    // The weight that the rows of the table carry; what is no token is rarer than any that is.
    const weight = ids.length === 1 ? Math.log(1 + ids[0]) / Math.log(this.wordPiece.size) : 1
    add(form, weight)
    if (word.rows.length === 0 && !word.isHan) {
      const marked = `<${form.slice(0, MAX_WORD)}>`
      const count = marked.length - 2
      for (let i = 0; i < count; i++) add(marked.slice(i, i + 3), weight / Math.sqrt(count))
    }
    return word
  }
}

const bucketOf = (feature: string) => hash(feature) % LEXICAL_LENGTH
const signOf = (feature: string) => ((hash(feature) & 0x40000000) === 0 ? -1 : 1)

/** FNV-1a over UTF-16 units, mixed by the end of MurmurHash3: the low bits of FNV alone are not even enough. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function norm(vector: Float64Array): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i]
  return Math.sqrt(sum)
}
