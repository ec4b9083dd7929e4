// What there is of an engine: in its place, or in the folder where it is made.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES, OWN_DOWNLOAD, partsOf } from './parts.mjs'

// Of the folder that `src/platform/native-engine.ts` reads; a change makes what was built before out of date.
const LAYOUT = 2
// What `engine.json` itself may differ by: it is written after the rest was counted.
const TOLERANCE = 16

export const megabytes = (bytes) => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`

/** Changes whenever something that goes into the engine does. */
export function recipeOf(parts) {
  const sums = parts.map(({ sha256 }) => sha256)
  return createHash('sha256')
    .update([LAYOUT, ...sums].join())
    .digest('hex')
    .slice(0, 16)
}

/** What `engine.json` says of an engine in its place; null where there is none that is whole. */
export function readEngine(home, name) {
  try {
    const made = JSON.parse(readFileSync(join(home, name, 'engine.json'), 'utf8'))
    return typeof made.version === 'string' && typeof made.recipe === 'string' && made.size > 0 ? made : null
  } catch {
    return null
  }
}

/** Whether something is in its place that is not whole, as far as can be seen without running it. */
export const isBroken = (home, name) => existsSync(join(home, name)) && readEngine(home, name) === null

/**
 * Whether an engine that failed its test was damaged after it was made, so that making it again helps: its files are of
 * another size, or its library doesn't compute on the processor either. A missing GPU or driver is no damage.
 * @param {(engine: string, folder: string) => { works: boolean }} test
 */
export function isDamaged(home, name, test) {
  const folder = join(home, name)
  if (Math.abs(folderSize(folder) - readEngine(home, name).size) > TOLERANCE) return true
  return name !== 'webgpu' && !test('native', folder).works
}

/** Whether it was made from other parts than those of this version of Attune. */
export const isOutdated = (name, made) => !planned(name).some((parts) => recipeOf(parts) === made.recipe)

const planned = (name) => {
  const parts = partsOf(ENGINES[name])
  return name === 'native' ? [parts, partsOf({ ...ENGINES.native, libraries: [OWN_DOWNLOAD] })] : [parts]
}

export const sizeOf = (parts) => parts.reduce((sum, { size }) => sum + size, 0)

/** Bytes that are still to be downloaded of an engine that an interrupted call began in `stage`. */
export function sizeLeft(stage, parts) {
  return parts.reduce((sum, { name, file, size }) => {
    // A library's file is deleted when it is unpacked.
    if ([join(stage, file), join(stage, 'engine', `.unpacked-${name}`)].some(existsSync)) return sum
    const part = join(stage, `${file}.part`)
    return sum + Math.max(0, size - (existsSync(part) ? statSync(part).size : 0))
  }, 0)
}

export const remove = (path) => rmSync(path, { recursive: true, force: true })

export function folderSize(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0)
}
