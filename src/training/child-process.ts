import { spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { AppError } from '../platform/errors.js'
import { packagePath } from '../platform/paths.js'

// The service answers requests on the same machine: training takes what is left.
const NICENESS = 5
// What V8 holds besides the ids: code, cases to judge, lists of rows.
const LEAST_HEAP_MB = 768
// As strings, and as keys of maps to move from one version's items to another's.
const HEAP_PER_ID_BYTE = 20
const KEPT_OF_STDERR = 4000

export interface ChildOptions {
  /** Bytes of the items' ids: the heap is sized to them, since all else of a dataset lies outside of it. */
  idBytes: number
  /** One JSON value that the child printed. */
  onLine: (value: unknown) => void
  /** Kills the child. */
  signal: AbortSignal
}

/** What native libraries are found by; nothing else of the service's environment. */
const PASSED_ON = [
  'PATH',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'TF_FORCE_GPU_ALLOW_GROWTH',
  'SystemRoot',
  'TMPDIR',
  'TEMP',
]

/**
 * The service's environment holds the database's address and the operator's key: the child gets none of that. TensorFlow
 * gets one thread whatever is set outside: its own threads within an operation cost more than they gain. A run shares the
 * rows of a step among worker threads instead, each with a TensorFlow thread of its own.
 */
export const childEnvironment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  ),
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '2',
})

/**
 * Trains in a process of its own: a crash, a leak or a cancel ends the run, not the service. The child gets a folder and
 * a seed, prints one JSON value a line, and leaves its result in the folder.
 * @throws AppError TRAINING_CRASHED with the child's last words where it ended other than well
 */
export async function trainInChild(folder: string, seed: number, options: ChildOptions): Promise<void> {
  const heap = Math.ceil(LEAST_HEAP_MB + (HEAP_PER_ID_BYTE * options.idBytes) / 2 ** 20)
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heap}`, packagePath('dist', 'src', 'training', 'child.js'), folder, String(seed)],
    {
      cwd: folder,
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const kill = () => child.kill('SIGKILL')
  options.signal.addEventListener('abort', kill, { once: true })
  if (options.signal.aborted) kill()
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => (words = (words + chunk.toString()).slice(-KEPT_OF_STDERR)))
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const value = parse(line)
    if (value !== undefined) options.onLine(value)
  })
  try {
    const ended = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve({ code, signal }))
      if (child.pid !== undefined) lowerPriority(child.pid)
    })
    if (ended.code !== 0 && !options.signal.aborted) throw crashed(ended, words)
  } finally {
    options.signal.removeEventListener('abort', kill)
  }
}

function lowerPriority(pid: number) {
  try {
    setPriority(pid, Math.min(NICENESS, constants.priority.PRIORITY_LOW))
  } catch {
    // It has ended already, or the system knows no such thing.
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // A library that prints is no reason to end a run.
    return undefined
  }
}

function crashed({ code, signal }: { code: number | null; signal: string | null }, words: string): AppError {
  const how = signal ? `was ended by ${signal}` : `ended with code ${code}`
  const memory = /heap out of memory/.test(words) ? ' It ran out of memory.' : ''
  // Frames and addresses say nothing to a tenant, and more than they should.
  const lines = words.split('\n').filter((line) => line.trim() && !/^\s+at |0x[0-9a-f]{6}|^Node\.js v/.test(line))
  const last = lines.slice(-8).join('\n')
  return new AppError(
    'TRAINING_CRASHED',
    `The training process ${how}.${memory}${last ? ` Its last words: ${last.slice(0, 2000)}` : ''}`,
    { status: 500, retryable: false },
  )
}
