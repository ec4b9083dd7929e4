import type { ItemFace } from '../contract'

/** For whom is asked: a known user, or anybody who did this. */
export type Who = { userId: string } | { history: Chosen[] }

/** An item that was typed into a history. */
export interface Chosen {
  itemId: string
  type: string
  face: ItemFace | null
}

export const isUser = (who: Who): who is { userId: string } => 'userId' in who

/** As a request says it. */
export const askedFor = (who: Who) =>
  isUser(who) ? who : { history: who.history.map(({ itemId, type }) => ({ itemId, type })) }

export const isNobody = (who: Who) => (isUser(who) ? who.userId === '' : who.history.length === 0)
