import { execFile } from 'node:child_process'
import { packagePath } from './paths.js'
import type { Engine } from './tensorflow.js'

export interface EngineCheck {
  engine: Engine
  works: boolean
  /** Why it does not work. */
  reason?: string
  /** 10⁹ multiplications and additions a second, of a matrix product that was repeated for a second. */
  gflops?: number
}

const ENGINES: Engine[] = ['cuda', 'native', 'webgpu', 'wasm', 'cpu']
// Loading the libraries of a GPU takes a while; the test itself a second.
const PATIENCE = 60_000

/**
 * Tries every engine, best first. Each runs in a process of its own, one after another: a process can hold only one
 * native engine, a crash of one says nothing of the next, and two at once would halve each other's rate. Takes about two
 * seconds for each engine that works. Never throws.
 */
export async function checkEngines(): Promise<EngineCheck[]> {
  const checks: EngineCheck[] = []
  for (const engine of ENGINES) checks.push(await checkEngine(engine))
  return checks
}

function checkEngine(engine: Engine): Promise<EngineCheck> {
  return new Promise((resolve) => {
    const probe = packagePath('dist', 'src', 'platform', 'engine-probe.js')
    execFile(process.execPath, [probe, engine], { timeout: PATIENCE, killSignal: 'SIGKILL' }, (error, printed) => {
      resolve({ engine, ...(readVerdict(printed) ?? { works: false, reason: ending(error) }) })
    })
  })
}

/** The last line that is JSON: a native library may print what it likes before. */
function readVerdict(printed: string): Omit<EngineCheck, 'engine'> | null {
  const line = printed.split('\n').findLast((text) => text.startsWith('{'))
  return line === undefined ? null : (JSON.parse(line) as Omit<EngineCheck, 'engine'>)
}

/** How a process that was to try an engine ended. */
export function ending(
  error: (Error & { code?: number | string | null; killed?: boolean; signal?: unknown }) | null,
): string {
  if (error?.killed) return `no answer within ${PATIENCE / 1000} s`
  if (typeof error?.signal === 'string') return `its process was ended by ${error.signal}`
  return `its process ended without an answer${error?.code === undefined ? '' : ` (${error.code as string})`}`
}
