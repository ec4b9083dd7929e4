import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

function findRoot(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

const root = findRoot()

/** A shipped file by its place in the package; the same from `src/` and from `dist/`. */
export const packagePath = (...parts: string[]) => join(root, ...parts)
