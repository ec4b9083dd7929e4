import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { encodeTensors } from '../../src/model/tensor-file.js'
import { TEXT_LENGTH, TextEncoder } from '../../src/model/text-encoder.js'
import { packagePath } from '../../src/platform/paths.js'

const shipped = (name: string) => readFileSync(packagePath('models/text-encoder', name))
const table = shipped('table.safetensors')
const vocab = shipped('vocab.txt')
const encoder = new TextEncoder(table, vocab)

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0)
const similarity = (a: string, b: string) => dot(encoder.encode(a), encoder.encode(b))

// First numbers of the dense and of the lexical part. If they change, every stored vector is stale.
const GOLDEN_VECTORS: [string, number[], [number, number][]][] = [
  [
    'WHITE HANGING HEART T-LIGHT HOLDER',
    [-0.022532, 0.271925, 0.129866, 0.181656, -0.057652, -0.117548],
    [
      [271, -0.175782],
      [290, -0.157967],
      [291, -0.176787],
    ],
  ],
  [
    'Fire Emblem: The Sacred Stones',
    [-0.044488, 0.048852, 0.048026, -0.048566, -0.151989, -0.043652],
    [
      [264, -0.205584],
      [270, 0.226069],
      [332, -0.204361],
    ],
  ],
  [
    'Красное платье',
    [0, 0, 0, 0, 0, 0],
    [
      [263, 0.501553],
      [270, -0.189569],
      [275, -0.204758],
    ],
  ],
]

describe('TextEncoder', () => {
  it.each(GOLDEN_VECTORS)('still gives %j its vector', (text, head, lexical) => {
    const vector = encoder.encode(text)
    head.forEach((x, i) => expect(vector[i]).toBeCloseTo(x, 5))
    for (const [i, x] of lexical) expect(vector[i]).toBeCloseTo(x, 5)
  })

  it.each([
    ['wireless headphones', 'bluetooth earbuds', 'garden hose'],
    ['dog food, chicken', 'puppy treats', 'phone case'],
    ['The Lord of the Rings', 'The Hobbit by J. R. R. Tolkien', 'Excel for beginners'],
    ['red summer dress', "women's skirt", 'usb cable 2m'],
    ['Sony WH-1000XM4', 'Sony WH-1000XM5', 'Bose QuietComfort 45'],
    ['XJ-4411Q', 'case for XJ-4411Q', 'case for TB-9902K'],
    ['красное платье', 'платье с поясом', 'зимние сапоги'],
    ['红色连衣裙', '连衣裙 夏季', '电脑键盘'],
  ])('finds %j nearer to %j than to %j', (text, related, unrelated) => {
    expect(similarity(text, related)).toBeGreaterThan(similarity(text, unrelated) + 0.1)
  })

  it('does not take texts of another script for alike', () => {
    expect(Math.abs(similarity('красное платье', 'зимние сапоги'))).toBeLessThan(0.3)
    expect(Math.abs(similarity('مرحبا بالعالم', 'كتاب جديد'))).toBeLessThan(0.5)
  })

  it('does not mind case, accents and punctuation', () => {
    expect(encoder.encode('CAFÉ  Crème!')).toEqual(encoder.encode('cafe creme'))
  })

  it('gives vectors of length 1', () => {
    for (const text of ['a', 'красное', '红', 'Toy Story (1995)', 'x'.repeat(150), '7']) {
      expect(Math.hypot(...encoder.encode(text))).toBeCloseTo(1, 5)
    }
  })

  it.each(['', '   ', '!!! ...', '❤️ 😀', '\ud800', '\0'])('gives zeros for %j, which has no word', (text) => {
    expect(encoder.encode(text).every((x) => x === 0)).toBe(true)
  })

  it('survives hostile texts at the price of a short one', () => {
    const start = performance.now()
    for (const part of ['a', 'я ', '\ud800', '红', 'ﷺ', 'e\u0301\u0301', '[', '\u0f73', '😀 ', 'aя']) {
      const vector = encoder.encode(part.repeat(1_000_000 / part.length))
      expect(vector.every(Number.isFinite)).toBe(true)
    }
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  it('gives the same vector from another instance, after other texts, and among others', () => {
    const other = new TextEncoder(table, vocab)
    // More words than the cache holds.
    for (let i = 0; i < 60_000; i++) other.encode(`word${i}`)
    const texts = ['Nintendo Switch', '', 'Ящик для инструментов', 'Nintendo Switch']
    const all = other.encodeAll(texts)
    expect(all).toHaveLength(4 * TEXT_LENGTH)
    texts.forEach((text, i) => {
      expect(all.slice(i * TEXT_LENGTH, (i + 1) * TEXT_LENGTH)).toEqual(encoder.encode(text))
    })
  })

  it('refuses files that are not a table, or not of one another', () => {
    expect(() => new TextEncoder(table.subarray(0, 1000), vocab)).toThrow('tensor file')
    expect(() => new TextEncoder(table, vocab.subarray(0, 1000))).toThrow('the vocabulary has')
    expect(() => new TextEncoder(encodeTensors({}), vocab)).toThrow('needs "codes"')
  })
})

describe('the shipped files', () => {
  it('are those that the card names', () => {
    const card = shipped('README.md').toString()
    for (const name of ['table.safetensors', 'vocab.txt', 'prior.safetensors']) {
      expect(card).toContain(createHash('sha256').update(shipped(name)).digest('hex'))
    }
  })
})
