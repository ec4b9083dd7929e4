import { ASSUMED, MEASURED } from './figures.js'
import type { Load } from './load.js'
import { type TenantSize, tenantSizes } from './tenant-sizes.js'
import { planTraining, type TrainingPlan } from './training-load.js'

const DAY = 86_400
/** Of `DATABASE_POOL_SIZE`. */
const POOL = 20
const LEAST_PARTITIONS = 12
/** Counted by a live model, as `COUNTED_EVENTS` of the service. */
const COUNTED = 1_000_000
/** A tenant has two instances of its own where requests are routed by tenant, so that one may go. */
const INSTANCES_OF_A_TENANT = 2
/** An installation this small is one process. */
const SMALL = { requestsPerSecond: 50, eventsPerSecond: 1000, trainingHours: 6, modelBytes: 1e9 }

/** Something that runs out, by how much of it the load takes; past 1 it is not enough. */
export interface Bottleneck {
  what: string
  use: number
  because: string
  then: string
}

export interface Sizing {
  load: Load
  /** Whether one process with all three roles does it. */
  oneProcess: boolean
  api: { instances: number; cores: number; modelMemoryMb: number; busyCores: number; because: string }
  ingest: { instances: number; peakPerSecond: number }
  trainer: { instances: number; cores: number; memoryGb: number; gpus: number; plan: TrainingPlan }
  kafka: { partitions: number; diskBytes: number }
  postgres: {
    diskBytes: Record<'events' | 'items' | 'versions' | 'room' | 'all', number>
    connections: number
    peakRowsPerSecond: number
  }
  largestTenant: TenantSize & { answerMs: number; modelBytes: number }
  /** What is scarcest first. */
  bottlenecks: Bottleneck[]
}

/** How many of what a load takes, and what it meets first. Pure: the same load gives the same answer. */
export function sizeOf(load: Load): Sizing {
  const sizes = tenantSizes(load.tenants, load.eventsPerDay, load.items, load.seed)
  const plan = planTraining(sizes, load)
  const peakPerSecond = (load.eventsPerDay / DAY) * load.peak
  const api = sizeApi(sizes, load)
  const spare = ASSUMED.spareIngest.value
  const oneProcess =
    load.requestsPerSecond <= SMALL.requestsPerSecond &&
    peakPerSecond <= SMALL.eventsPerSecond &&
    plan.hoursADay <= SMALL.trainingHours &&
    api.modelMemoryMb * 1e6 <= SMALL.modelBytes
  const ingest = oneProcess ? 1 : Math.max(2, Math.ceil((spare * peakPerSecond) / MEASURED.consumedPerSecond.value))
  const partitions = Math.max(LEAST_PARTITIONS, LEAST_PARTITIONS * Math.ceil((4 * ingest) / LEAST_PARTITIONS))
  const processes = oneProcess ? 1 : api.instances + ingest + plan.trainers
  const largest = sizes[0]
  const draft = {
    load,
    oneProcess,
    api: oneProcess ? { ...api, instances: 1 } : api,
    ingest: { instances: ingest, peakPerSecond },
    trainer: {
      instances: oneProcess ? 1 : plan.trainers,
      cores: load.trainerCores,
      memoryGb: load.trainerMemoryGb,
      gpus: load.engine === 'cuda' ? plan.trainers : 0,
      plan,
    },
    kafka: {
      partitions,
      diskBytes: 3 * load.eventsPerDay * ASSUMED.kafkaDays.value * MEASURED.kafkaEventBytes.value,
    },
    postgres: { diskBytes: diskOf(load), connections: processes * POOL, peakRowsPerSecond: peakPerSecond },
    largestTenant: { ...largest, answerMs: 1000 * answerSeconds(largest.items), modelBytes: modelBytes(largest, load) },
  }
  return { ...draft, bottlenecks: bottlenecksOf(draft) }
}

/** Seconds of a core. */
const answerSeconds = (items: number) =>
  MEASURED.answerSeconds.value + MEASURED.answerSecondsPerItem.value * Math.max(0, items - 3805)

const modelBytes = ({ items, eventsPerDay }: TenantSize, { historyDays, retentionDays }: Load) =>
  MEASURED.modelBytes.value +
  items * MEASURED.modelBytesPerItem.value +
  Math.min(COUNTED, eventsPerDay * Math.min(historyDays, retentionDays)) * MEASURED.modelBytesPerEvent.value

/** Requests are shared as events are; one instance ranks on one core, and has a second one for everything else. */
function sizeApi(sizes: TenantSize[], load: Load): Sizing['api'] {
  const { requestsPerSecond, active, route } = load
  const total = sizes.reduce((sum, { eventsPerDay }) => sum + eventsPerDay, 0)
  const busyCores = sizes.reduce(
    (sum, { eventsPerDay, items }) => sum + ((requestsPerSecond * eventsPerDay) / total) * answerSeconds(items),
    0,
  )
  // The largest are asked for in any minute, the small ones now and then.
  const models = sizes.slice(0, Math.ceil(active * sizes.length)).reduce((sum, size) => sum + modelBytes(size, load), 0)
  const byCores = Math.max(2, Math.ceil(busyCores / ASSUMED.busy.value))
  const copies = route === 'any' ? null : INSTANCES_OF_A_TENANT
  const byMemory =
    copies === null ? 1 : Math.ceil((copies * models) / (ASSUMED.mostModelBytes.value * ASSUMED.busy.value))
  const instances = Math.max(byCores, byMemory)
  const each = copies === null ? models : (copies * models) / instances / ASSUMED.busy.value
  return {
    instances,
    cores: 2,
    modelMemoryMb: Math.max(256, Math.ceil(each / 2 ** 20)),
    busyCores,
    because:
      byMemory > byCores
        ? 'the memory of the models, at what one process may have'
        : `${busyCores.toFixed(busyCores < 10 ? 1 : 0)} cores of ranking, and never fewer than two`,
  }
}

function diskOf({ eventsPerDay, retentionDays, items }: Load): Sizing['postgres']['diskBytes'] {
  const events = eventsPerDay * retentionDays * MEASURED.eventBytes.value
  const catalogue = items * MEASURED.itemBytes.value
  const versions = items * MEASURED.versionBytesPerItem.value * ASSUMED.versionsKept.value
  const all = (events + catalogue + versions) * ASSUMED.diskRoom.value
  return { events, items: catalogue, versions, room: all / 2, all }
}

function bottlenecksOf({
  load,
  oneProcess,
  api,
  trainer,
  postgres,
  largestTenant,
}: Omit<Sizing, 'bottlenecks'>): Bottleneck[] {
  const found: Bottleneck[] = [
    {
      what: 'rows written to PostgreSQL',
      use: postgres.peakRowsPerSecond / MEASURED.rowsPerSecond.value,
      because: `${round(postgres.peakRowsPerSecond)} events a second at the peak of ${round(MEASURED.rowsPerSecond.value)} that two cores took`,
      then: 'more cores and faster disks for it; let Kafka take the peaks; past that, tenants over several databases',
    },
    {
      what: 'disk of PostgreSQL',
      use: postgres.diskBytes.all / ASSUMED.oneDatabaseBytes.value,
      because: `${bytes(postgres.diskBytes.all)} of ${bytes(ASSUMED.oneDatabaseBytes.value)} that are easily kept`,
      then: 'keep events for fewer days (retentionDays): a training reads the newest 20 million of a tenant at most',
    },
    {
      what: 'connections of PostgreSQL',
      use: postgres.connections / ASSUMED.connections.value,
      because: `${postgres.connections} of ${ASSUMED.connections.value}`,
      then: 'PgBouncer before it, or a smaller DATABASE_POOL_SIZE',
    },
    {
      what: 'memory of an api instance',
      use: (api.modelMemoryMb * 2 ** 20) / ASSUMED.mostModelBytes.value,
      because: `${bytes(api.modelMemoryMb * 2 ** 20)} of models in each (MODEL_MEMORY_MB=${api.modelMemoryMb})`,
      then:
        load.route === 'any'
          ? 'route each tenant to instances of its own (--route tenant): any instance has every model otherwise'
          : 'more instances, or fewer tenants at once',
    },
    {
      what: 'items of the largest tenant',
      use: largestTenant.items / ASSUMED.searchedItems.value,
      because: `${round(largestTenant.items)} items are ranked in ${Math.round(largestTenant.answerMs)} ms of a core, one answer after the other`,
      then: 'an installation of its own for such a tenant: search is exact',
    },
    {
      what: 'the longest training',
      use: trainer.plan.longestHours / 24,
      because: `${trainer.plan.longestHours.toFixed(1)} hours on one ${load.engine === 'cuda' ? 'GPU' : 'core'}, of a day`,
      then: 'a smaller historyDays for such tenants, or a faster engine',
    },
    {
      what: 'memory of a trainer',
      use: trainer.plan.mostMemoryBytes / (trainer.memoryGb * 2 ** 30),
      because: `${bytes(trainer.plan.mostMemoryBytes)} for the largest run of ${trainer.memoryGb} GB`,
      then: 'more memory for trainers (--trainer-memory-gb), or a smaller historyDays for such tenants',
    },
    {
      what: oneProcess ? 'the one process' : 'cores of api instances',
      use: api.busyCores / api.instances,
      because: `${api.busyCores.toFixed(2)} cores of ranking by ${api.instances} instances`,
      then: 'another instance of api',
    },
  ]
  return found.sort((a, b) => b.use - a.use)
}

export const round = (value: number): string => Math.round(value).toLocaleString('en-US')
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB']
/** Decimal units, as disks are sold. */
export function bytes(value: number): string {
  const unit = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  const scaled = value / 1000 ** unit
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${UNITS[unit]}`
}
