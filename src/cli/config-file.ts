import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { UsageError } from './exit.js'

const SavedConnection = z.strictObject({
  server: z.string().optional(),
  key: z.string().optional(),
  tenant: z.string().optional(),
})
/** What `attune login` keeps. */
export type SavedConnection = z.infer<typeof SavedConnection>

/** Where this user's settings are (https://specifications.freedesktop.org/basedir-spec). */
export const configFolder = (env: NodeJS.ProcessEnv) =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'attune')
export const configFile = (env: NodeJS.ProcessEnv) => join(configFolder(env), 'config.json')

/** @throws UsageError where the file is no settings, or others may read the key in it */
export async function readConnection(env: NodeJS.ProcessEnv): Promise<SavedConnection> {
  const path = configFile(env)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new UsageError(`${path} cannot be read: ${error.message}`)
  })
  if (text === undefined) return {}
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new UsageError(`${path} holds a key and can be read by others: chmod 600 ${path}`)
  const parsed = SavedConnection.safeParse(jsonOf(text))
  if (!parsed.success) throw new UsageError(`${path} is not as attune login writes it: run attune login again`)
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Writes the file whole or not at all, readable by its owner only. @returns where it is */
export async function saveConnection(env: NodeJS.ProcessEnv, connection: SavedConnection): Promise<string> {
  const path = configFile(env)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writePrivately(path, `${JSON.stringify(connection, null, 2)}\n`)
  return path
}

export const forgetConnection = (env: NodeJS.ProcessEnv) => rm(configFile(env), { force: true })

/** Replaces a file in one step. */
export async function writePrivately(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`
  await writeFile(draft, text, { mode: 0o600 })
  // The mode of an earlier draft would stay.
  await chmod(draft, 0o600)
  await rename(draft, path)
}
