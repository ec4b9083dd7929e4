export class WrongSum extends Error {}
export function sumOf(file: string): Promise<string>
export function accept(from: string, file: string, sha256: string): Promise<void>
export function download(options: {
  url: string
  file: string
  sha256: string
  headers?: Record<string, string>
  onBytes?: (have: number, all: number | null) => void
  /** Milliseconds between tries. */
  pause?: number
}): Promise<void>
