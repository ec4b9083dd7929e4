import { parseArgs } from 'node:util'
import type { Engine } from '../../src/platform/tensorflow.js'
import type { Pace } from './duel.js'
import { SHOPS } from './sizes.js'

const ENGINES: Engine[] = ['cuda', 'native', 'webgpu', 'wasm', 'cpu']
export const TRIALS = ['naive', 'flat', 'pairs', 'catalogue'] as const
export type TrialName = (typeof TRIALS)[number]

export const HELP = `npm run bench:train -- [options]

  --data DIR       folder with the shops' folders (or ATTUNE_DATA)
  --shops LIST     which shops, by commas: ${Object.keys(SHOPS).join()} (all)
  --engines LIST   which engines, by commas: ${ENGINES.join()} (all that work, without cpu)
  --rounds N       how often each contender takes its turn (5)
  --seconds S      length of a turn (6)
  --python PATH    a Python that has PyTorch, instead of a throw-away one
  --no-reference   without PyTorch
  --naive          only this trial: wasm by the same step written the plain way
  --flat           only this trial: memory after 100 and 1,000 steps
  --pairs          only this trial: two processes at once by one
  --catalogue      only this trial: 1,000,000 items by 10,000
  --help           this list`

export interface Options {
  help: boolean
  data: string | undefined
  shops: string[]
  /** Undefined: all that work. */
  engines: Engine[] | undefined
  pace: Pace
  python: string | undefined
  reference: boolean
  trials: TrialName[]
}

/** @throws Error with one line for people where the command line does not fit */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' },
      shops: { type: 'string' },
      engines: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '6' },
      python: { type: 'string' },
      'no-reference': { type: 'boolean', default: false },
      naive: { type: 'boolean' },
      flat: { type: 'boolean' },
      pairs: { type: 'boolean' },
      catalogue: { type: 'boolean' },
      help: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is no whole number from 1`)
  const seconds = Number(values.seconds)
  if (!(seconds > 0 && seconds < Infinity)) throw new Error(`--seconds ${values.seconds} is no number above 0`)
  return {
    help: values.help,
    data: values.data ?? env.ATTUNE_DATA,
    shops: listed('shops', values.shops, Object.keys(SHOPS)) ?? Object.keys(SHOPS),
    engines: listed('engines', values.engines, ENGINES),
    pace: { rounds, seconds },
    python: values.python,
    reference: !values['no-reference'],
    trials: TRIALS.filter((name) => values[name]),
  }
}

function listed<T extends string>(option: string, text: string | undefined, known: T[]): T[] | undefined {
  const names = text?.split(',')
  const unknown = names?.find((name) => !(known as string[]).includes(name))
  if (unknown !== undefined) throw new Error(`--${option} knows ${known.join(', ')}, not '${unknown}'`)
  return names && [...new Set(names as T[])]
}
