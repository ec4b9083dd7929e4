/**
 * How long to wait before a further try: anything up to a bound that doubles each time, so that clients which failed
 * together do not come back together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param failed tries that failed in a row, at least 1
 * @returns milliseconds
 */
export const backoff = (failed: number, baseMs: number, mostMs: number, random = Math.random): number =>
  random() * Math.min(mostMs, baseMs * 2 ** (failed - 1))

/** @throws the signal's reason as soon as it is aborted */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    signal?.throwIfAborted()
    const stop = () => {
      clearTimeout(timer)
      fail(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      done()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
