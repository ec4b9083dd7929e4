interface Made {
  version: string
  recipe: string
  size: number
}
export function readEngine(home: string, name: string): Made | null
export function isBroken(home: string, name: string): boolean
export function isDamaged(
  home: string,
  name: string,
  test: (engine: string, folder: string) => { works: boolean },
): boolean
export function sizeLeft(stage: string, parts: { name: string; file: string; size: number }[]): number
export function folderSize(folder: string): number
