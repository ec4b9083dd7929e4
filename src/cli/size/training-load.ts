import { TEXT_LENGTH } from '../../model/text-encoder.js'
import type { Engine } from '../../platform/tensorflow.js'
import { keptForService, runsAtOnce } from '../../training/capacity.js'
import { MOST_EVENTS } from '../../training/dataset.js'
import { estimateRun } from '../../training/estimate.js'
import { NEEDED } from '../../training/readiness.js'
import { Settings } from '../../tenants/settings.js'
import { ASSUMED, MEASURED } from './figures.js'
import type { Load } from './load.js'
import { type Simulated, simulateQueue, type Trained, type Trainers } from './queue-simulation.js'
import type { TenantSize } from './tenant-sizes.js'

const DAYS = 3
/** More tenants than these are stood for by as many of them, and their trainers multiplied. */
const MOST_SIMULATED = 10_000
/** Events of a user, of those that are read: what the number of users is told by. */
const EVENTS_A_USER = 10
const { minNewEvents } = Settings.parse({}).training

/** How the trainings of all tenants go, with as few trainers as bring each tenant's through within a day. */
export interface TrainingPlan {
  trainers: number
  /** Runs that one works on at once. */
  slots: number
  /** Whether some tenants are never done within a day, however many trainers there are: a single run takes longer. */
  enough: boolean
  /** Tenants that have enough to be trained. */
  trained: number
  /** Of one day's runs, hours of one trainer's slot. */
  hoursADay: number
  /** The longest run, hours, and what the one that needs most memory takes, bytes. */
  longestHours: number
  mostMemoryBytes: number
  simulated: Simulated
}

type Asked = Pick<Load, 'engine' | 'trainerCores' | 'trainerMemoryGb' | 'retentionDays' | 'historyDays' | 'seed'>

/** What the trainings of tenants of these sizes take. */
export function planTraining(sizes: TenantSize[], load: Asked): TrainingPlan {
  const slots = runsAtOnce(load.engine, undefined, load.trainerCores)
  const tenants = sizes.flatMap((size) => trainedOf(size, load, slots) ?? [])
  const every = Math.max(1, Math.ceil(tenants.length / MOST_SIMULATED))
  const sample = tenants.filter((_, i) => i % every === 0)
  const seconds = tenants.reduce((sum, { expected, everyDays }) => sum + expected / everyDays, 0)
  const longest = Math.max(0, ...sample.map(({ expected }) => expected))
  const trainers: Trainers = {
    count: Math.max(1, Math.ceil(seconds / every / (86_400 * slots * ASSUMED.busy.value))),
    slots,
    memoryBytes: load.trainerMemoryGb * 2 ** 30 - keptForService({ roles: ['trainer'], modelMemoryMb: 0 }),
  }
  let simulated = simulateQueue(sample, trainers, DAYS, load.seed)
  // Where the schedules strike at once, and memory has to be waited for, the share of time alone does not tell.
  for (let more = 0; more < 8 && simulated.all.withinDay < 1 && longest < 86_400; more++) {
    trainers.count = Math.ceil(trainers.count * 1.15)
    simulated = simulateQueue(sample, trainers, DAYS, load.seed)
  }
  return {
    trainers: trainers.count * every,
    slots,
    enough: simulated.all.withinDay === 1 && simulated.tooLarge === 0,
    trained: tenants.length,
    hoursADay: seconds / 3600,
    longestHours: longest / 3600,
    mostMemoryBytes: Math.max(0, ...sample.map(({ memoryBytes }) => memoryBytes)),
    simulated,
  }
}

/** Null: there is too little to be trained on. */
function trainedOf({ eventsPerDay, items }: TenantSize, load: Asked, slots: number): Trained | null {
  const events = eventsPerDay * Math.min(load.historyDays, load.retentionDays)
  if (events < NEEDED.events.need || items < NEEDED.items.need) return null
  const size = {
    items,
    textLength: TEXT_LENGTH,
    events,
    usersWithHistory: Math.min(MOST_EVENTS, events) / EVENTS_A_USER,
    longEvents: 0,
  }
  const { seconds, memoryBytes } = estimateRun(size, load.engine, 1)
  return {
    expected: seconds * slowdown(load.engine, slots),
    memoryBytes,
    everyDays: Math.max(1, Math.ceil(minNewEvents / eventsPerDay)),
  }
}

/** Runs beside each other take longer each: they share the memory's speed. */
const slowdown = (engine: Engine, slots: number) =>
  engine === 'cuda' || slots === 1 ? 1 : 1 / MEASURED.runsBesideEachOther.value
