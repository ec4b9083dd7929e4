interface Part {
  name: string
  version: string
  size: number
  sha256: string
  file: string
  only?: RegExp
}
export interface Means {
  engines: Record<string, { libraries: Part[]; addon: Part; headers: Part; unpacked: number }>
  requireTools: (name: string) => void
  /** Leaves a part in a file. */
  fetch: (part: Part, file: string) => Promise<void>
  /** Leaves the addon of an engine's folder in a file. */
  compile: (engine: string, file: string) => void
}
export function make(
  name: string,
  options: {
    home: string
    test: (engine: string, folder: string) => { works: boolean; reason?: string }
    say: (line: string) => void
    wheel?: boolean
    means?: Means
  },
): Promise<{ folder: string; verdict: { works: boolean } }>
export function requireTools(
  name: string,
  machine?: { platform: string; arch: string; has: (program: string) => boolean },
): void
