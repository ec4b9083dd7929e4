// Ends a broker whose starter died without stopping it. Started beside the broker with the starter at the other end
// of its standard input: however the starter dies, kill -9 included, that end closes.
//
//   node guard.mjs <pid of the broker> [folder to delete once the broker is gone]

import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [pid, folder] = process.argv.slice(2)
const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 100

process.stdin.resume()
process.stdin.once('error', end)
process.stdin.once('close', end)

async function end() {
  signal('SIGTERM')
  for (let waited = 0; signal(0) && waited < PATIENCE_MS; waited += LOOK_EVERY_MS) await sleep(LOOK_EVERY_MS)
  if (signal('SIGKILL')) await sleep(LOOK_EVERY_MS)
  if (folder) rmSync(folder, { recursive: true, force: true })
  process.exit()
}

/** True while there is a process to take the signal. */
function signal(name) {
  try {
    return process.kill(Number(pid), name)
  } catch {
    return false
  }
}
