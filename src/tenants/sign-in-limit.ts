import { isIPv6 } from 'node:net'
import { AppError } from '../platform/errors.js'

/** Wrong keys that an address may send at once, and the seconds after which it may send another. */
const TRIES = 10
const SECONDS_A_TRY = 30
const MOST_ADDRESSES = 10_000

/**
 * Wrong keys by address, in this process. A right key costs nothing, and no address uses up the tries of another; behind a
 * proxy the address is the client's only where the proxy is declared trusted.
 */
export class SignInLimit {
  /** Tries left, as of a moment; the address that failed longest ago first. */
  private readonly addresses = new Map<string, { tries: number; at: number }>()

  /** @param now milliseconds since 1970 @throws AppError TOO_MANY_TRIES (429) with the seconds until the next one */
  check(address: string, now: number): void {
    const tries = this.triesOf(groupOf(address), now)
    if (tries >= 1) return
    throw new AppError('TOO_MANY_TRIES', 'Too many wrong keys came from this address.', {
      status: 429,
      retryAfter: Math.ceil((1 - tries) * SECONDS_A_TRY),
    })
  }

  failed(address: string, now: number): void {
    const group = groupOf(address)
    const tries = this.triesOf(group, now) - 1
    this.addresses.delete(group)
    this.addresses.set(group, { tries, at: now })
    if (this.addresses.size <= MOST_ADDRESSES) return
    const [oldest] = this.addresses.keys()
    this.addresses.delete(oldest)
  }

  private triesOf(group: string, now: number): number {
    const known = this.addresses.get(group)
    if (!known) return TRIES
    return Math.min(TRIES, known.tries + (now - known.at) / 1000 / SECONDS_A_TRY)
  }
}

/** Whoever has one address of IPv6 has the 2^64 of its network. */
function groupOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head, tail = ''] = address.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  if (address.includes('::')) while (groups.length + after.length < 8) groups.push('0')
  return [...groups, ...after].slice(0, 4).join(':')
}
