import type { AttributedEvent } from '../events/attributed-events.js'
import { isInWindow, type Outcome } from './attribution-rule.js'
import type { CountedAnswer } from './tally.js'

/** An answer as its row tells of it. */
export interface AnswerRow extends CountedAnswer {
  recommendationId: string
  /** Null: neither is it counted nor what came of it. */
  impressions: 'served' | 'explicit' | null
  items: string[]
}

/** What an event says of an item of an answer. */
export interface Attributed {
  answer: AnswerRow
  itemId: string
  /** 1 is the top of the list. */
  place: number
  outcome: Outcome
}

export interface AttributionRule {
  outcomeOf: (type: string, value: number | null) => Outcome | null
  windowHours: number
}

/** Whether an id can be of an answer of this service: anything may be sent as one. */
export const isAnswerId = (id: string): boolean => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(id)

/**
 * What the events say of the answers that they name: each item of an answer at most once for each outcome.
 * @returns `missing`: events of answers that are not among those given
 */
export function attribute(
  events: AttributedEvent[],
  answers: ReadonlyMap<string, AnswerRow>,
  { outcomeOf, windowHours }: AttributionRule,
): { attributed: Attributed[]; missing: AttributedEvent[] } {
  const found = new Map<string, Attributed>()
  const missing: AttributedEvent[] = []
  for (const event of events) {
    const outcome = outcomeOf(event.type, event.value)
    if (outcome === null || !isAnswerId(event.recommendationId)) continue
    const answer = answers.get(event.recommendationId)
    if (!answer) {
      missing.push(event)
      continue
    }
    const place = answer.items.indexOf(event.itemId) + 1
    const isCounted = outcome === 'impression' ? answer.impressions === 'explicit' : answer.impressions !== null
    if (place === 0 || !isCounted || !isInWindow(answer.servedAt, event, windowHours)) continue
    const key = JSON.stringify([event.recommendationId, event.itemId, outcome])
    found.set(key, { answer, itemId: event.itemId, place, outcome })
  }
  return { attributed: [...found.values()], missing }
}
