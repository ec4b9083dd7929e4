import { Random } from '../../src/model/random.js'
import type { UserSums } from '../../src/online/sequential.js'

interface Visitor {
  arm: number
  rate: number
  visitsAnHour: number
  x: number
  y: number
}

export interface Traffic {
  users: number
  hours: number
  /** Clicks an impression in the first arm. */
  rate: number
  /** Of the second arm over the first: -0.3 is 30 % less. */
  lift: number
  /** Of users in the first arm. */
  share: number
  seed: number
}

const SHOWN = 10

/**
 * Users who come back again and again over hours, some often and some seldom, each with a rate of his own around that of
 * his arm, more by day than by night.
 * @param look called at the end of each hour with what is known of each arm; anything but null ends it
 */
export function watchVisitors<T>(traffic: Traffic, look: (arms: UserSums[], hour: number) => T | null): T | null {
  const random = new Random(traffic.seed)
  const arms = [0, 1].map((): UserSums => ({ users: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 }))
  const exponential = () => -Math.log(1 - random.next())
  const visitors = Array.from({ length: traffic.users }, (): Visitor => {
    const arm = random.next() < traffic.share ? 0 : 1
    const own = (exponential() + exponential()) / 2
    const rate = Math.min(0.9, traffic.rate * own * (arm === 1 ? 1 + traffic.lift : 1))
    return { arm, rate, visitsAnHour: exponential() / 48, x: 0, y: 0 }
  })
  for (let hour = 1; hour <= traffic.hours; hour++) {
    const daily = 1 + 0.8 * Math.sin((hour / 24) * 2 * Math.PI)
    for (const visitor of visitors)
      for (let visits = poisson(random, visitor.visitsAnHour * daily); visits > 0; visits--)
        visit(arms[visitor.arm], visitor, Math.min(SHOWN, poisson(random, SHOWN * visitor.rate)))
    const seen = look(arms, hour)
    if (seen !== null) return seen
  }
  return null
}

function visit(arm: UserSums, visitor: Visitor, clicks: number): void {
  const [x, y] = [visitor.x + SHOWN, visitor.y + clicks]
  if (visitor.x === 0) arm.users++
  arm.x += SHOWN
  arm.y += clicks
  arm.xx += x * x - visitor.x ** 2
  arm.xy += x * y - visitor.x * visitor.y
  arm.yy += y * y - visitor.y ** 2
  Object.assign(visitor, { x, y })
}

function poisson(random: Random, mean: number): number {
  let [count, chance, sum] = [0, Math.exp(-mean), Math.exp(-mean)]
  const u = random.next()
  while (u > sum && count < 100) {
    count++
    chance *= mean / count
    sum += chance
  }
  return count
}
