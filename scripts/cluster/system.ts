import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'

/** A process of this machine. */
export interface SystemProcess {
  pid: number
  parent: number
  args: string[]
}

/**
 * Every process that there is: from /proc, or by `ps` where there is none. Waits where a process has no core to tell of
 * itself with, so that nobody else should.
 */
export async function systemProcesses(): Promise<SystemProcess[]> {
  if (!existsSync('/proc/self/stat')) return psProcesses()
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid): Promise<SystemProcess[]> => {
      try {
        // The name in parentheses may hold anything.
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        if (state === 'Z') return []
        const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1)
        return [{ pid: Number(pid), parent: Number(parent), args }]
      } catch {
        // It has ended meanwhile.
        return []
      }
    }),
  )
  return found.flat()
}

function psProcesses(): SystemProcess[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,command='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line) => {
    const [pid, parent, ...args] = line.trim().split(/\s+/)
    return { pid: Number(pid), parent: Number(parent), args }
  })
}

/** Whether there is such a process that does something: one that only waits to be buried has ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    if (!existsSync('/proc/self/stat')) return true
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z')
  } catch {
    return false
  }
}

/** kill -9; one that is gone already is no matter. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone.
  }
}

/** Waits until something holds. @throws Error with `what` where it does not in time */
export async function until(what: string, holds: () => Promise<boolean> | boolean, withinMs: number, everyMs = 100) {
  for (const deadline = Date.now() + withinMs; ; await pause(everyMs)) {
    if (await holds()) return
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s`)
  }
}

export const pause = (ms: number) => new Promise<void>((next) => setTimeout(next, ms))
