import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { packagePath } from '../../src/platform/paths.js'
import type { Engine } from '../../src/platform/tensorflow.js'
import type { ShopFiles } from './shop.js'
import type { Layout, Size } from './sizes.js'

/** What a process answers when it has trained for some seconds. */
export interface Measured {
  eventsPerSecond: number
  /** CPU-seconds a second. */
  cores: number
  steps: number
  loss: number
  /** The most memory that the process ever held. */
  peakMemoryMb: number
}

/** What a process of Attune's is told to train. */
export interface Job {
  engine: Engine
  step: 'attune' | 'naive'
  data: { file: string } | { items: number; events: number; eventsPerUser: number }
  size: Size
  layout: Layout
  /** That share out the rows of a step. */
  threads: number
}

const running = new Set<ChildProcess>()

/** Ends every process that was started. */
export function stopAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

/**
 * A process that trains when it is told to, so that several take turns: one line of JSON on its standard input, one back.
 */
export class Contender {
  private readonly lines: AsyncIterableIterator<string>

  private constructor(private readonly child: ChildProcess) {
    this.lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  /** @throws Error with the reason when the process can't begin */
  static async start(command: string, args: string[], env: Record<string, string>): Promise<Contender> {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    running.add(child)
    child.once('close', () => running.delete(child))
    const printed: string[] = []
    child.stderr.on('data', (data: Buffer) => printed.push(data.toString()))
    child.on('error', (error) => printed.push(`Error: ${error.message}`))
    const contender = new Contender(child)
    try {
      await contender.read<object>()
    } catch (error) {
      contender.stop()
      const lines = printed.join('').split('\n')
      throw new Error(lines.find((line) => line.includes('Error')) ?? String(error), { cause: error })
    }
    return contender
  }

  /** Trains for so long. */
  measure(seconds: number): Promise<Measured> {
    return this.ask<Measured>({ do: 'measure', seconds })
  }

  async ask<T extends object>(command: object): Promise<T> {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`)
    return this.read<T>()
  }

  stop(): void {
    this.child.kill('SIGKILL')
  }

  private async read<T extends object>(): Promise<T> {
    for (;;) {
      const { value, done } = (await this.lines.next()) as IteratorResult<string, undefined>
      if (done) throw new Error('the process ended')
      // A native library may print what it likes in between.
      if (!value.startsWith('{"')) continue
      const answer = JSON.parse(value) as T | { error: string }
      if ('error' in answer) throw new Error(answer.error)
      return answer
    }
  }
}

/** A process with Attune's trainer, or the naive step. @throws Error with the reason when the engine does not work */
export function startAttune(job: Omit<Job, 'threads'>, threads = 1): Promise<Contender> {
  const worker = packagePath('dist', 'bench', 'train', 'worker.js')
  return Contender.start(process.execPath, ['--expose-gc', worker, JSON.stringify({ ...job, threads })], {
    TF_NUM_INTRAOP_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '2',
  })
}

/** A process with the reference. */
export function startReference(python: string, files: ShopFiles, size: Size, batch: number, threads: number) {
  const options = {
    histories: files.histories,
    items: files.items,
    length: size.length,
    blocks: size.blocks,
    dropout: size.dropout,
    negatives: size.negatives,
    batch,
    threads,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`])
  return Contender.start(python, ['-W', 'ignore', packagePath('bench', 'reference', 'sasrec.py'), ...args], {
    // Memory stays with the process from one step to the next: a tenth faster than glibc's giving it back each time.
    MALLOC_MMAP_THRESHOLD_: '4000000000',
    MALLOC_TRIM_THRESHOLD_: '8000000000',
    MALLOC_TOP_PAD_: '268435456',
  })
}
