import type { Engine } from '../../src/platform/tensorflow.js'
import { median } from '../report.js'
import { type Contender, type Job, startAttune } from './contender.js'
import type { Pace } from './duel.js'
import { layoutOf, threadsToTry, TRIAL, TRIAL_USERS, USUAL } from './sizes.js'

const EVENTS = 2_000_000
const USER_EVENTS = 10
const madeUp = (items: number) => ({ items, events: EVENTS, eventsPerUser: USER_EVENTS })
const usual = (engine: Engine, items: number): Omit<Job, 'threads'> => ({
  engine,
  step: 'attune',
  data: madeUp(items),
  size: USUAL,
  layout: layoutOf(engine, USUAL, { items, events: EVENTS }),
})
const SMALL = 10_000
const LARGE = 1_000_000
const WARM_UP = 3

/** Starts processes, and ends them whatever happens. */
async function withProcesses<T>(
  jobs: Omit<Job, 'threads'>[],
  use: (processes: Contender[]) => Promise<T>,
  threads = 1,
): Promise<T> {
  const processes: Contender[] = []
  try {
    for (const job of jobs) {
      const process = await startAttune(job, threads)
      processes.push(process)
      await process.measure(WARM_UP)
    }
    return await use(processes)
  } finally {
    for (const process of processes) process.stop()
  }
}

async function rates(processes: Contender[], { seconds, rounds }: Pace): Promise<number[][]> {
  const measured: number[][] = processes.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, process] of processes.entries()) {
      measured[index].push((await process.measure(seconds)).eventsPerSecond)
    }
  }
  return measured
}

const ratio = (ones: number[], others: number[]) =>
  Number(median(ones.map((one, round) => one / others[round])).toFixed(2))

/** Tokens a second of Attune's step and of the naive one, users of full length, the size of the trial. */
export function naiveTrial(engine: Engine, pace: Pace) {
  const { length } = TRIAL
  // Whole users in a row, and as many of them in a step.
  const layout = { rowLength: 2 * length, rowsPerStep: TRIAL_USERS / 2 }
  const data = { items: 4000, events: 200_000, eventsPerUser: length }
  const jobs = (['attune', 'naive'] as const).map((step): Omit<Job, 'threads'> => ({
    engine,
    step,
    data,
    size: TRIAL,
    layout,
  }))
  return withProcesses(jobs, async (processes) => {
    const [attune, naive] = await rates(processes, pace)
    return {
      tokensPerSecond: Math.round(median(attune)),
      naiveTokensPerSecond: Math.round(median(naive)),
      ratio: ratio(attune, naive),
    }
  })
}

/** What a process holds after 100 steps and after 1,000, by the number of its threads. */
export async function flatTrial(engine: Engine) {
  const found: Record<string, Flat> = {}
  for (const threads of threadsToTry(engine)) found[`threads${threads}`] = await flatWith(engine, threads)
  return found
}

interface Flat {
  tensorsAfter100: number
  tensorsAfter1000: number
  residentMbAfter100: number
  residentMbAfter1000: number
  growth: number
}

function flatWith(engine: Engine, threads: number): Promise<Flat> {
  const use = async ([process]: Contender[]) => {
    const held = (steps: number) => process.ask<{ tensors: number; residentMb: number }>({ do: 'run', steps })
    const early = await held(100)
    const late = await held(900)
    return {
      tensorsAfter100: early.tensors,
      tensorsAfter1000: late.tensors,
      residentMbAfter100: Math.round(early.residentMb),
      residentMbAfter1000: Math.round(late.residentMb),
      growth: Number((late.residentMb / early.residentMb - 1).toFixed(3)),
    }
  }
  return withProcesses([usual(engine, SMALL)], use, threads)
}

/** Two processes at once, one thread each, against one of them by itself. */
export function pairTrial(engine: Engine, { seconds, rounds }: Pace) {
  return withProcesses([usual(engine, SMALL), usual(engine, SMALL)], async (pair) => {
    const alone: number[] = []
    const together: number[] = []
    for (let round = 0; round < rounds; round++) {
      alone.push((await pair[round % 2].measure(seconds)).eventsPerSecond)
      const both = await Promise.all(pair.map((process) => process.measure(seconds)))
      together.push(both.reduce((sum, { eventsPerSecond }) => sum + eventsPerSecond, 0))
    }
    return {
      one: Math.round(median(alone)),
      two: Math.round(median(together)),
      ratio: ratio(together, alone),
    }
  })
}

/** A tenant of a million items against one of ten thousand with as many events. */
export function catalogueTrial(engine: Engine, pace: Pace) {
  return withProcesses([usual(engine, SMALL), usual(engine, LARGE)], async (processes) => {
    const [small, large] = await rates(processes, pace)
    const { peakMemoryMb } = await processes[1].measure(1)
    return {
      eventsPerSecond10k: Math.round(median(small)),
      eventsPerSecond1M: Math.round(median(large)),
      ratio: ratio(large, small),
      peakMemoryMb1M: Math.round(peakMemoryMb),
    }
  })
}
