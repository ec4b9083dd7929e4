// Who makes an engine at the moment.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** One call at a time: the number of the process that works, which may have died. */
export function lock(stage) {
  mkdirSync(stage, { recursive: true })
  const file = join(stage, 'pid')
  const other = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  if (other && other !== process.pid && isAlive(other))
    throw Object.assign(new Error(`Process ${other} is making this engine already.`), { usage: true })
  writeFileSync(file, String(process.pid))
  return () => rmSync(file, { force: true })
}

/** A process that died but was never waited for still has its number, and so may somebody else's have it; neither has our name. */
function isAlive(pid) {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine')
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
