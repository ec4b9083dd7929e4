import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { splitWords, WordPiece } from '../../src/model/wordpiece.js'
import { packagePath } from '../../src/platform/paths.js'

const wordPiece = new WordPiece(readFileSync(packagePath('models/text-encoder/vocab.txt'), 'utf8'))
const UNKNOWN = 100
const idsOf = (text: string) =>
  splitWords(text).flatMap((word) => {
    const ids = wordPiece.pieces(word)
    return ids.length > 0 ? ids : [UNKNOWN]
  })

// The ids of the reference: the tokenizers package with the model's own tokenizer.json.
const GOLDEN: [string, number[]][] = [
  ['WHITE HANGING HEART T-LIGHT HOLDER', [2317, 5689, 2540, 1056, 1011, 2422, 9111]],
  ['Fire Emblem: The Sacred Stones', [2543, 16199, 1024, 1996, 6730, 6386]],
  ['Café Münchner Straße', [7668, 14163, 12680, 3678, 2358, 27807]],
  ['C++ & C#, 3rd ed.', [1039, 1009, 1009, 1004, 1039, 1001, 1010, 3822, 3968, 1012]],
  ['красное платье', [1189, 16856, 10260, 29747, 18947, 14150, 15290, 1194, 29436, 10260, 22919, 23742, 15290]],
  ['日本語テスト', [1864, 1876, 1950, 1713, 30233, 30240]],
  ['한국어 책', [1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, 1465, 30007, 30020]],
  ['नमस्ते दुनिया', [1327, 29867, 29874, 29859, 1325, 29863, 29877, 29868, 29876]],
  ['sony wh-1000xm4', [8412, 1059, 2232, 1011, 6694, 2595, 2213, 2549]],
  ['I ❤️ NY 😀', [1045, 100, 6396, 100]],
]

describe('splitWords', () => {
  it.each([
    ['White HANGING Heart', ['white', 'hanging', 'heart']],
    ['Café Münchner Straße', ['cafe', 'munchner', 'straße']],
    ['İstanbul', ['istanbul']],
    ["don't-stop (x2)", ['don', "'", 't', '-', 'stop', '(', 'x2', ')']],
    ['東京タワー 2', ['東', '京', 'タワー', '2']],
    ['Красное платье', ['красное', 'платье']],
    ['LEGO® Star Wars™', ['lego', '®', 'star', 'wars', '™']],
    ['I ❤️ NY 👩‍👩‍👧', ['i', '❤', 'ny', '👩', '👩', '👧']],
    ['soft\u00adhyphen zero\u200bwidth', ['softhyphen', 'zerowidth']],
    ['a\ud800b \udfff', ['a', 'b']],
    [' \t\r\n\0', []],
    ['', []],
  ])('splits %j', (text, words) => {
    expect(splitWords(text)).toEqual(words)
  })
})

describe('WordPiece', () => {
  it.each(GOLDEN)('gives the ids of the reference for %j', (text, ids) => {
    expect(idsOf(text)).toEqual(ids)
  })

  it('does not take the marks of the model for words', () => {
    expect(wordPiece.pieces('[SEP]')).toEqual([])
    expect(new WordPiece('[PAD]\n[unused5]\n[\n').pieces('[unused5]')).toEqual([])
    expect(wordPiece.pieces('[')).toHaveLength(1)
    expect(wordPiece.size).toBe(30522)
  })

  it('gives nothing for a word that it cannot spell to its end', () => {
    expect(new WordPiece('ab\n##c\n').pieces('abcd')).toEqual([])
    expect(new WordPiece('ab\n##c\n').pieces('abcc')).toEqual([0, 1, 1])
  })
})
