import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeRunFolder, removeLeftFolders } from '../../src/training/run-folder.js'

it('removes what killed trainers left, and nothing of those that live, here or elsewhere', async () => {
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  const of = (host: string, pid: number | string) => mkdtemp(join(tmpdir(), `attune-run-${host}-${pid}-`))
  const left = await of(hostname(), gone)
  await writeFile(join(left, 'events'), 'what somebody did')
  const kept = [
    await makeRunFolder(),
    await of(hostname(), process.ppid),
    await of('another-host', gone),
    await of(hostname(), 'nobody'),
  ]
  expect(await removeLeftFolders()).toBeGreaterThanOrEqual(1)
  expect(existsSync(left)).toBe(false)
  expect(kept.filter((folder) => !existsSync(folder))).toEqual([])
  await Promise.all(kept.map((folder) => rm(folder, { recursive: true })))
})
