import type { Cluster } from './cluster.js'
import type { Member } from './member.js'
import { pause } from './system.js'

/** Something that was killed and has come back. */
export interface Kill {
  name: string
  /** Milliseconds since 1970. */
  at: number
  /** Until it answered again. */
  seconds: number
}

/** As long as a restart takes to notice. */
const DOWN_MS = 1000

/** kill -9, and the same again. @throws Error where it does not come back */
export async function killAndStart(member: Member): Promise<Kill> {
  const at = Date.now()
  await member.kill()
  await pause(DOWN_MS)
  await member.start()
  return { name: member.name, at, seconds: Math.round((Date.now() - at) / 100) / 10 }
}

/**
 * Kills one member after the other, each as often as the others, in an order that chance makes.
 * @param random numbers in [0, 1)
 * @param told of each kill when it is over
 */
export async function killByTurns(
  cluster: Cluster,
  { everyMs, forMs, random = Math.random }: { everyMs: number; forMs: number; random?: () => number },
  told: (kill: Kill) => void,
): Promise<Kill[]> {
  const kills: Kill[] = []
  const started = Date.now()
  let bag: Member[] = []
  for (let due = everyMs; due <= forMs; due += everyMs) {
    await pause(Math.max(0, started + due - Date.now()))
    if (bag.length === 0) bag = shuffled(cluster.members, random)
    const kill = await killAndStart(bag.pop()!)
    kills.push(kill)
    told(kill)
  }
  return kills
}

function shuffled<T>(values: T[], random: () => number): T[] {
  const result = [...values]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[result[i], result[j]] = [result[j], result[i]]
  }
  return result
}
