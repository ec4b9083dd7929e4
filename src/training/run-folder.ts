import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Processes are told apart on one host only: containers may share a folder, and each has a process 1. */
const PREFIX = `attune-run-${hostname()}-`

/** For what a run reads and leaves, by the process that works on it. */
export const makeRunFolder = () => mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`))

/**
 * Removes the folders of processes that were killed: they hold a tenant's events, and nobody else knows of them.
 * @returns how many
 */
export async function removeLeftFolders(): Promise<number> {
  const names = await readdir(tmpdir())
  const folders = names.filter((name) => name.startsWith(PREFIX))
  const left = await Promise.all(
    folders.map(async (name) => {
      const path = join(tmpdir(), name)
      const pid = Number(/^\d+/.exec(name.slice(PREFIX.length))?.[0])
      if (!(await isLeft(path, pid))) return false
      await rm(path, { recursive: true, force: true })
      return true
    }),
  )
  return left.filter(Boolean).length
}

async function isLeft(path: string, pid: number): Promise<boolean> {
  if (!pid) return false
  if (pid !== process.pid) return !isAlive(pid)
  // As in a container that was started anew: of a process before this one, which had its number.
  const startedAt = Date.now() - process.uptime() * 1000
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs < startedAt,
    () => false,
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
