import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { itemText, type ItemWords } from '../model/item-text.js'
import { TEXT_LENGTH, TextEncoder } from '../model/text-encoder.js'
import { packagePath } from '../platform/paths.js'

/** Items encoded without letting go of the event loop: about 5 ms of titles. */
const SLICE = 250

let encoder: TextEncoder | undefined

/** The shipped text encoder, read at the first use and then shared by the process. */
export function textEncoder(): TextEncoder {
  encoder ??= new TextEncoder(
    readFileSync(packagePath('models/text-encoder/table.safetensors')),
    readFileSync(packagePath('models/text-encoder/vocab.txt')),
  )
  return encoder
}

/** Text vectors of items, each [TEXT_LENGTH]; null where an item has no words. */
export async function textVectors(items: ItemWords[]): Promise<(Float32Array | null)[]> {
  const vectors: (Float32Array | null)[] = []
  for (let from = 0; from < items.length; from += SLICE) {
    if (from > 0) await setImmediate()
    const slice = items.slice(from, from + SLICE)
    const rows = textEncoder().encodeAll(slice.map(itemText))
    for (let i = 0; i < slice.length; i++) {
      const vector = rows.subarray(i * TEXT_LENGTH, (i + 1) * TEXT_LENGTH)
      vectors.push(vector.some((value) => value !== 0) ? vector : null)
    }
  }
  return vectors
}

/** A vector as it is stored: float32, little-endian. */
export const toBytes = (vector: Float32Array) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)

/** The vector that was stored. Copies: a Buffer's place in memory need not be a multiple of four. */
export const fromBytes = (bytes: Buffer) => new Float32Array(new Uint8Array(bytes).buffer)
