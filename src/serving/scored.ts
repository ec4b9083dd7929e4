import type { Contribution } from '../model/ensemble.js'
import type { Source } from './recommend.schema.js'

/** Something that a user did, in a client's words. */
export interface PastEvent {
  itemId: string
  /** Null: the request named the item and nothing else. */
  type: string | null
  value: number | null
  at: number
}

/** Scores by item index: any real number, larger is better; meaningful for the candidates they were asked for. */
export interface Scored {
  scores: Float32Array | Float64Array
  sourceOf: (item: number) => Source
  /** For each of the items, what of the history it was recommended for, the weightiest first. */
  explain: (items: number[]) => Contribution[][]
}
