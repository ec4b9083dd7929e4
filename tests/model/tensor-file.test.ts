import { describe, expect, it } from 'vitest'
import { decodeTensors, encodeTensors, type NamedArrays } from '../../src/model/tensor-file.js'

const arrays: NamedArrays = {
  codes: { shape: [3], data: Int8Array.of(-128, 0, 127) },
  bytes: { shape: [1], data: Uint8Array.of(255) },
  items: { shape: [2, 1], data: Uint32Array.of(1, 4294967295) },
  steps: { shape: [1, 1, 1], data: Int32Array.of(-2147483648) },
  weights: { shape: [2, 3], data: Float32Array.of(0.5, -0, Infinity, 1e-40, 3, NaN) },
  times: { shape: [1], data: Float64Array.of(1700000000123.5) },
  scalar: { shape: [], data: Float32Array.of(7) },
  nothing: { shape: [0, 64], data: new Float32Array(0) },
}

/** A file with this header and this many bytes of data. */
function file(header: unknown, dataBytes = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}

const f32 = (shape: unknown, offsets: unknown) => ({ dtype: 'F32', shape, data_offsets: offsets })

describe('encodeTensors and decodeTensors', () => {
  it('give back every type, shape and the metadata', () => {
    const back = decodeTensors(encodeTensors(arrays, { kind: 'test', note: 'å ✓' }))
    expect(Object.keys(back.arrays).sort()).toEqual(Object.keys(arrays).sort())
    for (const [name, { shape, data }] of Object.entries(arrays)) {
      expect(back.arrays[name].shape).toEqual(shape)
      expect(back.arrays[name].data.constructor).toBe(data.constructor)
      expect(Array.from(back.arrays[name].data)).toEqual(Array.from(data))
    }
    expect({ ...back.metadata }).toEqual({ kind: 'test', note: 'å ✓' })
  })

  it('write the layout of the safetensors specification', () => {
    const bytes = encodeTensors({
      b: { shape: [1], data: Uint8Array.of(9) },
      a: { shape: [1], data: Float32Array.of(1) },
    })
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
      a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
      b: { dtype: 'U8', shape: [1], data_offsets: [4, 5] },
    })
    expect(Array.from(bytes.subarray(8 + length))).toEqual([0, 0, 128, 63, 9])
  })

  it('give the same bytes for the same content in another order', () => {
    const reversed = Object.fromEntries(Object.entries(arrays).reverse())
    expect(encodeTensors(reversed, { b: '2', a: '1' })).toEqual(encodeTensors(arrays, { a: '1', b: '2' }))
  })

  it('read from a slice that starts at an odd byte, and keep their own memory', () => {
    const bytes = encodeTensors({ x: { shape: [2], data: Float64Array.of(1.5, 2.5) } })
    const shifted = Buffer.alloc(bytes.length + 3)
    shifted.set(bytes, 3)
    const source = shifted.subarray(3)
    const { x } = decodeTensors(source).arrays
    source.fill(0)
    expect(Array.from(x.data)).toEqual([1.5, 2.5])
  })

  it('write only the window of an array that looks into a larger buffer', () => {
    const window = new Float32Array([1, 2, 3, 4]).subarray(1, 3)
    const back = decodeTensors(encodeTensors({ x: { shape: [2], data: window } }))
    expect(Array.from(back.arrays.x.data)).toEqual([2, 3])
  })

  it('treat the name of a prototype as a name', () => {
    const back = decodeTensors(file('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1))
    expect(Object.keys(back.arrays)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>).shape).toBeUndefined()
  })

  it('refuse to write a shape that does not fit', () => {
    expect(() => encodeTensors({ x: { shape: [3], data: new Float32Array(2) } })).toThrow('"x" has 2 elements')
    expect(() => encodeTensors({ __metadata__: { shape: [0], data: new Float32Array(0) } })).toThrow('__metadata__')
  })

  it('refuse every cut of a file', () => {
    const bytes = encodeTensors(arrays)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeTensors(bytes.subarray(0, length))).toThrow('Not a usable tensor file')
    }
  })

  it.each([
    ['a header longer than the file', new Uint8Array(16).fill(255), 'claims'],
    ['a header that is no JSON', file('{"x":'), 'not JSON'],
    ['a header that is a list', file([]), 'not an object'],
    ['an entry that is no object', file({ x: 3 }), 'no description'],
    ['an unknown type', file({ x: { dtype: 'BF16', shape: [1], data_offsets: [0, 2] } }, 2), 'type'],
    ['a type from the prototype', file({ x: { dtype: 'toString', shape: [], data_offsets: [0, 0] } }), 'type'],
    ['a negative length', file({ x: f32([-1], [0, 4]) }, 4), 'shape'],
    ['a broken length', file({ x: f32([0.5], [0, 2]) }, 2), 'shape'],
    ['a shape that overflows', file({ x: f32([2 ** 40, 2 ** 40], [0, 4]) }, 4), 'bytes'],
    ['offsets past the end', file({ x: f32([2], [0, 8]) }, 4), 'cut short'],
    ['offsets backwards', file({ x: f32([1], [4, 0]) }, 4), 'bytes'],
    ['arrays that overlap', file({ x: f32([1], [0, 4]), y: f32([1], [0, 4]) }, 4), 'overlap'],
    ['a gap between arrays', file({ x: f32([1], [0, 4]), y: f32([1], [8, 12]) }, 12), 'gap'],
    ['bytes after the last array', file({ x: f32([1], [0, 4]) }, 5), 'end at byte 4 of 5'],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), 'metadata "a"'],
  ])('refuse %s', (_, bytes, message) => {
    expect(() => decodeTensors(bytes)).toThrow(message)
  })
})
