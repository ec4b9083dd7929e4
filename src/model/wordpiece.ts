/**
 * The uncased WordPiece tokenizer of BERT (Devlin et al. 2019): lower case, accents off, punctuation and Han characters
 * apart, then the longest pieces of the vocabulary from the left. It differs from the reference on purpose in one thing:
 * symbols (™, ®, ★, emoji) are split off like punctuation, where BERT would lose the word that they stick to.
 */
export class WordPiece {
  private readonly starts = new Map<string, number>()
  private readonly continuations = new Map<string, number>()
  private readonly longest: number
  readonly size: number

  /** @param vocab one token a line, its id is its line number; "##" marks a piece that continues a word */
  constructor(vocab: string) {
    const tokens = vocab.split(/\r?\n/)
    if (tokens.at(-1) === '') tokens.pop()
    this.size = tokens.length
    let longest = 0
    tokens.forEach((token, id) => {
      // [PAD], [unused3] and the like are the model's own marks; a text never contains them.
      if (/^\[.+\]$/.test(token)) return
      const continues = token.length > 2 && token.startsWith('##')
      const piece = continues ? token.slice(2) : token
      longest = Math.max(longest, piece.length)
      ;(continues ? this.continuations : this.starts).set(piece, id)
    })
    this.longest = longest
  }

  /** Ids of the pieces of a word as `splitWords` gives it; empty where the vocabulary can't spell it. */
  pieces(word: string): number[] {
    const ids: number[] = []
    for (let start = 0; start < word.length;) {
      const known = start === 0 ? this.starts : this.continuations
      let end = Math.min(word.length, start + this.longest)
      let id: number | undefined
      while (end > start && (id = known.get(word.substring(start, end))) === undefined) end--
      if (id === undefined) return []
      ids.push(id)
      start = end
    }
    return ids
  }
}

const ASCII_ONLY = /^[\0-\x7f]*$/
const ASCII_WORDS = /[a-z0-9]+|[!-/:-@[-`{-~]/g
const WORDS = /\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{N}\p{M}])+|[\p{P}\p{S}]/gu
// Combining accents, and characters that are there but not seen (joiners, soft hyphens, marks of direction).
const INVISIBLE = /\p{Mn}|\p{Cf}/gu

/**
 * Words, Han characters, punctuation marks and symbols of a text, in order, in lower case without accents.
 * Control characters, lone surrogates and unassigned code points only separate.
 */
export function splitWords(text: string): string[] {
  const lower = text.toLowerCase()
  if (ASCII_ONLY.test(lower)) return lower.match(ASCII_WORDS) ?? []
  return lower.normalize('NFD').replace(INVISIBLE, '').match(WORDS) ?? []
}
