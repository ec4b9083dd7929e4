import { describe, expect, it } from 'vitest'
import { ItemTokens, tokensOf } from '../../src/model/item-tokens.js'

const shared = (left: string, right: string) => {
  const others = new Set(tokensOf(right))
  return [...tokensOf(left)].filter((token) => others.has(token)).length
}

describe('tokens of a text', () => {
  it('are its words, whatever their case, order and punctuation', () => {
    expect(tokensOf('Zelda: Breath of the Wild')).toEqual(tokensOf('wild the of BREATH, (zelda) zelda'))
    expect(shared('Sony WH-1000XM4 headphones', 'sony "WH 1000XM4"')).toBe(3)
    expect(shared('Пылесос Bosch', 'ПЫЛЕСОС Miele')).toBe(1)
    expect(tokensOf(' –…! ')).toHaveLength(0)
  })

  it('tell digits, accents and marks apart', () => {
    expect(shared('model 1001', 'model 1002')).toBe(1)
    expect(shared('pâté', 'pate')).toBe(0)
    expect(tokensOf('हिन्दी')).toHaveLength(1)
  })

  it('are neighbours where a script does not part words', () => {
    expect(shared('電気掃除機', '掃除機')).toBe(2)
    expect(tokensOf('東京')).toHaveLength(1)
  })

  it('are the first 64 of a long text, ascending', () => {
    const tokens = tokensOf(Array.from({ length: 500 }, (_, i) => `w${i}`).join(' '))
    expect(tokens).toHaveLength(64)
    expect([...tokens]).toEqual([...tokens].sort((a, b) => a - b))
  })
})

describe('tokens of a catalogue', () => {
  it('say whether an item has others than before, and keep the rest', () => {
    const tokens = ItemTokens.of([Uint32Array.of(1, 2), new Uint32Array(), Uint32Array.of(3)])
    expect(tokens.set(2, Uint32Array.of(3))).toBe(false)
    expect(tokens.set(0, Uint32Array.of(1, 4, 5))).toBe(true)
    expect(tokens.set(70, Uint32Array.of(6))).toBe(true)
    expect(tokens.items).toBe(71)
    expect([0, 1, 2, 50, 70, 99].map((item) => [...tokens.row(item)])).toEqual([[1, 4, 5], [], [3], [], [6], []])
    const moved = ItemTokens.fromArrays(structuredClone(tokens.toArrays()))
    expect([0, 1, 2, 70].map((item) => [...moved.row(item)])).toEqual([[1, 4, 5], [], [3], [6]])
  })

  it('of one catalogue can be handed to another thread without those of others, also where there are none', () => {
    const buffers = ({ starts, ends, pool }: ReturnType<ItemTokens['toArrays']>) =>
      [starts, ends, pool].map((a) => a.buffer)
    const [first, second] = [new ItemTokens(), new ItemTokens()]
    const arrays = first.toArrays()
    structuredClone(arrays, { transfer: [...new Set(buffers(arrays))] as ArrayBuffer[] })
    expect(second.set(0, new Uint32Array([3, 4]))).toBe(true)
    expect([...second.row(0)]).toEqual([3, 4])
    expect(new ItemTokens().toArrays().pool).toHaveLength(0)
  })
})
