import { call, isProblem, Problem } from './api'
import type { DeadLetter } from './contract'
import { bytes, count } from './numbers'

/** What can be done with letters: with one, or with all of a reason. */
export interface Deed {
  kind: 'replay' | 'drop'
  which: { id: string } | { code: string }
  /** What they are, in words. */
  named: string
}

/** Of one call: letters may be of a megabyte each, and a request should end within its time. */
const CALL_LETTERS = 200

export const letterPath = (id: string) => `/v1/dead-letters/${encodeURIComponent(id)}`

/** Where the rest is of letters that are not kept whole. */
const AWAY = "only in Kafka's topic"

/** Why one cannot be sent round again; null: it can. */
export const whyKept = ({ replayable, bytes }: DeadLetter): string | null =>
  replayable ? null : `It cannot be replayed: its ${bytes > 0 ? 'value is' : 'key and headers are'} ${AWAY}.`

/** What stands for a value that is not here. */
export const noValue = (letter: DeadLetter): string =>
  letter.bytes > 0 ? `Its value of ${bytes(letter.bytes)} is not kept here.` : 'It has no value.'

/** @returns what came of it, in words @throws Problem */
export async function done({ kind, which }: Deed): Promise<string> {
  if (kind === 'replay') {
    if ('code' in which) return replayAll(which)
    await call(`${letterPath(which.id)}/replay`, { method: 'POST' })
    return sent(1)
  }
  if ('id' in which) {
    await call(letterPath(which.id), { method: 'DELETE' })
    return '1 dropped.'
  }
  const { dropped } = await call<{ dropped: number }>('/v1/dead-letters/drop', { method: 'POST', body: which })
  return `${count(dropped)} dropped.`
}

interface Replayed {
  replayed: number
  kept: number
  more: boolean
  before: string
}

/** Many calls, so that none takes too long. What comes back meanwhile does not go round twice. */
async function replayAll(which: { code: string }): Promise<string> {
  let replayed = 0
  let last: Replayed | undefined
  try {
    while (last?.more !== false) {
      const body = { ...which, limit: CALL_LETTERS, before: last?.before }
      last = await call<Replayed>('/v1/dead-letters/replay', { method: 'POST', body })
      replayed += last.replayed
    }
  } catch (error) {
    if (replayed === 0 || !isProblem(error)) throw error
    const { status, code, message, errors } = error
    throw new Problem(status, code, `${count(replayed)} were sent round before this went wrong: ${message}`, errors)
  }
  return last.kept === 0
    ? sent(replayed)
    : `${sent(replayed)} ${count(last.kept)} are kept: their value is ${AWAY}, or their topic is not consumed.`
}

const sent = (letters: number) => `${count(letters)} sent round again; what still cannot be used comes back.`
