import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { configFolder, writePrivately } from '../config-file.js'
import { START } from './row.js'

/** How far an import came, kept so that it can go on after whatever ended it. */
const Progress = z.strictObject({
  /** Names the rows that have no ids of their own, together with their lines. */
  name: z.string(),
  /** Of the file, as it was. */
  sha256: z.string(),
  bytes: z.number(),
  line: z.number(),
  offset: z.number(),
  columns: z.array(z.string()).optional(),
  delimiter: z.string().optional(),
  refused: z.number(),
  reportBytes: z.number(),
  done: z.boolean(),
})
export type Progress = z.infer<typeof Progress>

/** One file into one tenant in one way: another way is another import. */
export function progressFile(env: NodeJS.ProcessEnv, identity: unknown[]): string {
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32)
  return join(configFolder(env), 'imports', `${name}.json`)
}

/**
 * What an earlier try left. A file that has grown since is the same one, with rows to come: they are named as they would
 * have been.
 * @param fingerprint of the file now, and of as much of it as there was
 * @returns undefined where there was none, or the file is another one
 */
export function goingOn(
  earlier: Progress | undefined,
  now: { whole: string; beginning?: string },
): Progress | undefined {
  if (!earlier) return undefined
  return earlier.sha256 === now.whole || earlier.sha256 === now.beginning ? earlier : undefined
}

export async function readProgress(path: string): Promise<Progress | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return Progress.parse(JSON.parse(text))
  } catch {
    // Of another version, or not ours: the import begins anew, and what is there already is a duplicate.
    return undefined
  }
}

/** Where an import is could not be written down: an earlier place stands there, and the same command goes on from that. */
export class PlaceNotKeptError extends Error {
  constructor(cause: unknown) {
    super(`the place could not be kept: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

export async function writeProgress(path: string, progress: Progress): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writePrivately(path, JSON.stringify(progress))
}

/** @param name see `Progress.name` */
export const begun = (name: string, bytes: number): Progress => ({
  name: name.slice(0, 20),
  sha256: name,
  bytes,
  ...START,
  refused: 0,
  reportBytes: 0,
  done: false,
})
