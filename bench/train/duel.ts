import { median } from '../report.js'
import { type Contender, type Measured, startAttune, startReference } from './contender.js'
import type { Engine } from '../../src/platform/tensorflow.js'
import type { ShopFiles } from './shop.js'
import { BATCHES_TO_TRY, layoutOf, type Size, threadsToTry } from './sizes.js'

export interface Pace {
  seconds: number
  rounds: number
}

export interface Result {
  eventsPerSecond: number
  /** Of each round. */
  rounds: number[]
  /** The same for each second of one core: what to look at where others use the machine. */
  eventsPerCpuSecond: number
  threads: number
  peakMemoryMb: number
  operationsPerStep?: number
  batch?: number
}

type Entrant = { name: string; process: Contender; about: Pick<Result, 'threads' | 'batch' | 'operationsPerStep'> }

// Long enough for the compilers to have seen every path, and for memory to have found its size.
const WARM_UP = 3
const TRIAL = 3
const COUNTED_STEPS = 3

/** Each contender's rate on one shop: they take turns, so that a busy machine is busy for all. */
export async function duel(
  files: ShopFiles,
  size: Size,
  engines: Engine[],
  python: string | null,
  { seconds, rounds }: Pace,
): Promise<Record<string, Result>> {
  const entrants: Entrant[] = []
  try {
    for (const engine of engines) entrants.push(await bestAttune(files, size, engine))
    if (python !== null) entrants.push(await bestReference(files, size, python))
    const measured = new Map<string, Measured[]>(entrants.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const { name, process } of entrants) measured.get(name)!.push(await process.measure(seconds))
    }
    const results: Record<string, Result> = {}
    for (const { name, process, about } of entrants) {
      const rates = measured.get(name)!.map(({ eventsPerSecond }) => Math.round(eventsPerSecond))
      // Only now: counting stays switched on.
      const counted = name === 'pytorch' ? {} : await process.ask<object>({ do: 'count', steps: COUNTED_STEPS })
      results[name] = {
        eventsPerSecond: Math.round(median(rates)),
        rounds: rates,
        eventsPerCpuSecond: Math.round(
          median(measured.get(name)!.map(({ eventsPerSecond, cores }) => eventsPerSecond / cores)),
        ),
        peakMemoryMb: Math.round(measured.get(name)!.at(-1)!.peakMemoryMb),
        ...about,
        ...counted,
      }
    }
    return results
  } finally {
    for (const { process } of entrants) process.stop()
  }
}

/** A process with the number of threads that was fastest in a short trial. */
async function bestAttune(files: ShopFiles, size: Size, engine: Engine): Promise<Entrant> {
  const job = {
    engine,
    step: 'attune',
    data: { file: files.shop },
    size,
    layout: layoutOf(engine, size, files),
  } as const
  let best: { process: Contender; threads: number; rate: number } | undefined
  for (const threads of threadsToTry(engine)) {
    const process = await startAttune(job, threads)
    await process.measure(WARM_UP)
    const rate = threadsToTry(engine).length > 1 ? (await process.measure(TRIAL)).eventsPerSecond : 0
    if (best && best.rate >= rate) process.stop()
    else {
      best?.process.stop()
      best = { process, threads, rate }
    }
  }
  return { name: engine, process: best!.process, about: { threads: best!.threads } }
}

/** A fresh process with the batch size and threads that were fastest in a short trial of all of them. */
async function bestReference(files: ShopFiles, size: Size, python: string): Promise<Entrant> {
  const trial = await startReference(python, files, size, BATCHES_TO_TRY[0], 1)
  const { best } = await trial.ask<{ best: { batch: number; threads: number } }>({
    do: 'tune',
    seconds: TRIAL,
    batches: BATCHES_TO_TRY,
    threads: [1, 2],
  })
  trial.stop()
  const process = await startReference(python, files, size, best.batch, best.threads)
  await process.measure(WARM_UP)
  return { name: 'pytorch', process, about: { threads: best.threads, batch: best.batch } }
}

/** Median over the rounds of the one's rate by the other's in the same round. */
export const ratioOf = (one: Result, other: Result): number =>
  Number(median(one.rounds.map((rate, round) => rate / other.rounds[round])).toFixed(2))
