import { performance } from 'node:perf_hooks'

/** One call of a load. */
export interface Call {
  url: string
  key: string
  body: unknown
}

export interface Told {
  /** Milliseconds from the moment that the call was due: waiting for its turn counts. */
  ms: number
  status: number
  body: string
}

/**
 * Makes calls at a steady rate, whatever becomes of those before.
 * @param next the call of this number @returns what was told to each
 */
export async function steadily(perSecond: number, seconds: number, next: (n: number) => Call): Promise<Told[]> {
  const count = Math.round(perSecond * seconds)
  const started = performance.now()
  const calls: Promise<Told>[] = []
  while (calls.length < count) {
    const due = started + (calls.length * 1000) / perSecond
    const early = due - performance.now()
    if (early > 0) await new Promise((go) => setTimeout(go, early))
    calls.push(ask(next(calls.length), due))
  }
  return Promise.all(calls)
}

async function ask({ url, key, body }: Call, due: number): Promise<Told> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  return { ms: performance.now() - due, status: response.status, body: text }
}

/** The value that so many of the figures are at most. */
export function quantile(figures: number[], share: number): number {
  const sorted = figures.toSorted((a, b) => a - b)
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(1))
}
