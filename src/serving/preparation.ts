import { Counts } from '../model/counts.js'
import { fitHalfLife } from '../model/half-life.js'
import { groupByUser, type EventColumns, type EventType } from '../model/history.js'
import type { NamedArrays } from '../model/tensor-file.js'
import { fitTextSpace, type TextPrior, type TextSpace, whiten } from '../model/text-space.js'

/** What a live model is made of, as plain arrays: they can go to a worker and come back. */
export interface Preparation {
  itemCount: number
  length: number
  /** [itemCount, length], raw */
  vectors: Float32Array
  /** That of the version; null: fitted to the vectors. */
  space: TextSpace | null
  /** What to believe about the vectors where the catalogue is small. */
  prior: TextPrior | null
  events: EventColumns
  userCount: number
  types: EventType[]
  /** That of the version; null: chosen by the events. */
  halfLife: number | null
}

export interface Prepared {
  space: TextSpace
  /** [itemCount, length], whitened */
  vectors: Float32Array
  halfLife: number
  counts: NamedArrays
}

/** The part of building a live model that takes long. Pure. */
export function prepare(input: Preparation): Prepared {
  const { vectors, length, types, itemCount } = input
  const space = input.space ?? fitTextSpace(vectors, length, input.prior ?? undefined)
  const histories = groupByUser(input.events, input.userCount)
  const halfLife = input.halfLife ?? fitHalfLife(histories, itemCount, types)
  return {
    space,
    vectors: whiten(space, vectors),
    halfLife,
    counts: Counts.from(histories, itemCount, { types, halfLife }).toArrays(),
  }
}
