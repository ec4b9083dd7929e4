import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Inject, Injectable } from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { ending } from '../platform/engine-check.js'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Metrics } from '../platform/metrics.js'
import { engineFolder, isMade } from '../platform/native-engine.js'
import { packagePath } from '../platform/paths.js'
import { AUTO, type Engine } from '../platform/tensorflow.js'
import { childEnvironment } from './child-process.js'

export interface EngineState {
  engine: Engine
  /** Why each better engine was not used. */
  reasons: Record<string, string>
  /** What a machine like this one should not have to put up with, in words; null: nothing. */
  fallback: string | null
}

/** Where the drivers of NVIDIA show that there is a device: Linux, and Linux in Windows. */
const NVIDIA = ['/dev/nvidia0', '/proc/driver/nvidia/version', '/dev/dxg']
// Libraries of a GPU take a while to load for the first time.
const PATIENCE_MS = 60_000

/** What a machine has that a faster engine could run on. */
export interface Hardware {
  /** An NVIDIA device shows. */
  gpu: boolean
  /** Somebody installed the engine for one. */
  cudaInstalled: boolean
}

/**
 * Whether runs are slower here than they should be: an engine that is installed does not work, or a GPU is left idle. A
 * machine without either just is what it is.
 */
export function fallbackOf(engine: Engine, reasons: Record<string, string>, hardware: Hardware): string | null {
  const missed = Object.entries(reasons).filter(([better, reason]) =>
    better === 'cuda' ? hardware.gpu || hardware.cudaInstalled : !/^not installed/i.test(reason),
  )
  if (missed.length === 0) return null
  const why = missed.map(([better, reason]) => `${better}: ${reason}`).join('; ')
  return `Training falls back to '${engine}'${hardware.gpu ? ', and leaves the GPU of this machine idle' : ''}. ${why}`
}

/** What this machine has. */
export const hardware = (): Hardware => ({
  gpu: NVIDIA.some((file) => existsSync(file)),
  cudaInstalled:
    isMade(engineFolder('cuda')) || existsSync(packagePath('node_modules', '@tensorflow', 'tfjs-node-gpu')),
})

/** The tensor engine that runs get here. Found out in a process of its own, as runs have: the service never loads it. */
@Injectable()
export class TrainerEngine {
  private state: Promise<EngineState> | undefined
  private settled: EngineState | undefined
  private readonly info
  private readonly fellBack

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.info = metrics.gauge('attune_training_engine_info', 'The tensor engine of training runs here', [
      'engine',
      'asked',
    ])
    this.fellBack = metrics.gauge(
      'attune_training_engine_fallback',
      '1: training is slower here than it should be, as a better engine or a GPU can not be used; the log says why',
    )
  }

  /** What is known of it by now, without waiting. */
  get known(): EngineState | undefined {
    return this.settled
  }

  /**
   * The engine of runs that start here. Asked for once; a failure is not kept, as a driver may come up later.
   * @throws AppError ENGINE_UNAVAILABLE with the reasons
   */
  find(): Promise<EngineState> {
    this.state ??= this.probe().catch((error: unknown) => {
      this.state = undefined
      this.logger.error({ err: error, asked: this.config.backend }, 'no tensor engine for training')
      throw error
    })
    return this.state
  }

  /** Told by a run that could not start the engine found: the next run asks again what works here. */
  failed(engine: Engine, reason: string): void {
    const said = `Training can not use '${engine}' any more, which worked when it was tried. ${reason}`
    this.state = undefined
    if (this.settled) this.settled = { ...this.settled, fallback: said }
    this.fellBack.set(1)
    this.logger.warn({ engine, reason }, said)
  }

  private async probe(): Promise<EngineState> {
    const asked = this.config.backend
    const { engine, reasons } = await findEngine(asked)
    const fallback = asked === 'auto' ? fallbackOf(engine, reasons, hardware()) : null
    this.info.reset()
    this.info.set({ engine, asked }, 1)
    this.fellBack.set(fallback ? 1 : 0)
    if (fallback) this.logger.warn({ engine, reasons }, fallback)
    else this.logger.info({ engine, reasons }, 'tensor engine of training')
    return (this.settled = { engine, reasons, fallback })
  }
}

const PROBE = packagePath('dist', 'src', 'training', 'engine-child.js')

/**
 * The engine that a run would get. An engine that ends the process that tries it (an instruction that the processor lacks)
 * takes those after it along: then each is tried in a process of its own.
 * @param program that starts the engine it is called with and says so, see `engine-child.ts`
 * @throws AppError ENGINE_UNAVAILABLE with the reasons
 */
export async function findEngine(
  asked: Config['backend'],
  program = PROBE,
): Promise<Pick<EngineState, 'engine' | 'reasons'>> {
  const { said, ended } = await startElsewhere(asked, program)
  if (said?.engine) return { engine: said.engine, reasons: said.reasons ?? {} }
  if (said || asked !== 'auto') throw unavailable(said?.error ?? `The engine '${asked}' was tried, and ${ended}.`)
  const reasons: Record<string, string> = {}
  for (const engine of AUTO) {
    const { said, ended } = await startElsewhere(engine, program)
    if (said?.engine) return { engine, reasons }
    reasons[engine] = said?.reasons?.[engine] ?? said?.error ?? ended
  }
  const all = Object.entries(reasons).map(([engine, reason]) => `${engine}: ${reason}`)
  throw unavailable(`No tensor engine could be started. ${all.join('; ')}`)
}

/** What `engine-child.js` says. */
interface Said {
  engine?: Engine
  reasons?: Record<string, string>
  error?: string
}

/** Starts an engine in a process with the environment of a run. @returns what it said, and how it ended */
function startElsewhere(asked: Config['backend'], program: string): Promise<{ said: Said | undefined; ended: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, asked],
      { env: childEnvironment(), timeout: PATIENCE_MS, killSignal: 'SIGKILL' },
      (error, printed) => {
        // A native library may print what it likes before.
        const line = printed.split('\n').findLast((text) => text.startsWith('{'))
        resolve({ said: line === undefined ? undefined : (JSON.parse(line) as Said), ended: ending(error) })
      },
    )
  })
}

const unavailable = (message: string) => new AppError('ENGINE_UNAVAILABLE', message, { status: 503, retryable: false })
