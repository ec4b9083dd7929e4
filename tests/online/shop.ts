export interface Tenant {
  id: string
  key: string
}

/** What recommendations are answered with, as far as experiments show in it. */
export interface Answer {
  recommendationId: string
  modelVersion: string
  items: { itemId: string }[]
  experiment?: { id: string; arm: string }
}

/** For what a model has to be built for first. */
export const PATIENCE = { timeout: 20_000, interval: 200 }

/** Items whose words recur. @param fields that all of them have */
export const redThings = (count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, i) => ({ itemId: `i${i}`, title: `red thing ${i} of ${i % 7}`, ...fields }))
