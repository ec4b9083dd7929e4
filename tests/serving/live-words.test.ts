import { expect, test } from 'vitest'
import { LiveWords } from '../../src/serving/live-words.js'
import { catalogItem } from '../support/catalog-item.js'

const item = (title: string) => catalogItem(title, { title })
const likeFirst = (words: LiveWords) => [...words.current.scores([{ item: 0, weight: 1 }], words.tokens.items)!]

test('words of a small catalogue count at once, those that it never had before too', () => {
  const words = new LiveWords()
  const titles = ['acme xr7 drill', 'acme saw', 'acme xr8 lamp', 'tall vase', 'small vase', 'old chair', 'new chair']
  titles.forEach((title, index) => words.put(index, item(title)))
  // Three items share a brand: more than a tenth of the seven.
  expect(words.current.scores([{ item: 0, weight: 1 }], 7)).toBeNull()
  words.put(7, item('spare battery xr7'))
  expect(likeFirst(words)[7]).toBeCloseTo(1, 5)
  words.put(7, item('spare battery'))
  expect(words.current.scores([{ item: 0, weight: 1 }], 8)).toBeNull()
  words.put(3, item('xr7 vase'))
  expect(likeFirst(words)[3]).toBeGreaterThan(0)
  expect(words.isOutgrown).toBe(false)
})

test('a new price or attribute counts as a new word does', () => {
  const words = new LiveWords()
  for (let i = 0; i < 30; i++) words.put(i, catalogItem(`${i}`, { title: `one${i}`, price: 10 ** (i / 3) }))
  words.put(0, catalogItem('0', { title: 'one0', price: 77 }))
  words.put(1, catalogItem('1', { title: 'one1', price: 5e9 }))
  expect(likeFirst(words)[1]).toBe(0)
  words.put(1, catalogItem('1', { title: 'one1', price: 78 }))
  expect(likeFirst(words)[1]).toBeGreaterThan(0)
  words.put(0, catalogItem('0', { title: 'one0', price: 77, attributes: { fits: 'XR7' } }))
  words.put(1, catalogItem('1', { title: 'one1', price: 5e9, attributes: { fits: ['xr6', 'xr7'] } }))
  expect(likeFirst(words)[1]).toBeGreaterThan(0)
})

test('a large catalogue keeps what has changed apart, until that is too much', () => {
  const words = new LiveWords()
  const title = (i: number) => Array.from({ length: 20 }, (_, k) => `w${(i * 31 + k * 977) % 30_000}`).join(' ')
  for (let i = 0; i < 21_000; i++) words.put(i, item(title(i)))
  const before = words.current
  words.put(21_000, item(title(0)))
  expect(words.current).toBe(before)
  expect(likeFirst(words)[21_000]).toBeCloseTo(likeFirst(words)[0], 5)
  for (let i = 0; i < 10_000; i++) words.put(i + 100, item(title(i + 5000)))
  expect(words.current).toBe(before)
  expect(words.isOutgrown).toBe(true)
})

test('travel to another thread and back', () => {
  const words = new LiveWords()
  for (let i = 0; i < 40; i++) words.put(i, item(`thing${i % 20}`))
  const moved = LiveWords.fromArrays(structuredClone(words.toArrays()))
  expect(likeFirst(moved)).toEqual(likeFirst(words))
  moved.put(40, item('thing0'))
  expect(likeFirst(moved)[40]).toBeGreaterThan(0)
})
