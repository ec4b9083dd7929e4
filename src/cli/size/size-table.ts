import { facts, percent, table } from '../output.js'
import { ASSUMED, type Figure, MEASURED } from './figures.js'
import type { Freshness } from './queue-simulation.js'
import { bytes, round, type Sizing } from './sizing.js'

/** A size for people. */
export function sizeTable(sizing: Sizing): string {
  const { load, oneProcess, api, ingest, trainer, kafka, postgres, largestTenant, bottlenecks } = sizing
  const { plan } = trainer
  const trainers = `${trainer.cores} cores, ${trainer.memoryGb} GB${trainer.gpus > 0 ? ', a GPU' : ''} each: ${plan.slots} at once`
  const roles = oneProcess
    ? [
        {
          role: 'all roles',
          count: 1,
          each: `${api.cores} cores, MODEL_MEMORY_MB=${api.modelMemoryMb}`,
          because: 'one process does it',
        },
      ]
    : [
        {
          role: 'api',
          count: api.instances,
          each: `${api.cores} cores, MODEL_MEMORY_MB=${api.modelMemoryMb}`,
          because: api.because,
        },
        {
          role: 'ingest',
          count: ingest.instances,
          each: '1 core',
          because: `${round(ingest.peakPerSecond)} events a second at the peak`,
        },
        {
          role: 'trainer',
          count: trainer.instances,
          each: trainers,
          because: `${round(plan.hoursADay)} hours of runs a day`,
        },
      ]
  const scarce = bottlenecks[0]
  return [
    `${round(load.tenants)} tenants, ${round(load.eventsPerDay)} events a day, ${round(load.items)} items, ${round(load.requestsPerSecond)} requests a second at the peak`,
    '',
    table(roles, [
      { name: 'role', of: ({ role }) => role },
      { name: 'how many', of: ({ count }) => count, right: true },
      { name: 'each', of: ({ each }) => each },
      { name: 'because', of: ({ because }) => because },
    ]),
    '',
    facts([
      ['GPUs', trainer.gpus],
      ['Kafka', `${kafka.partitions} partitions, ${bytes(kafka.diskBytes)} on three brokers`],
      [
        'PostgreSQL',
        `${bytes(postgres.diskBytes.all)}: events ${bytes(postgres.diskBytes.events)}, items ${bytes(postgres.diskBytes.items)}, versions ${bytes(postgres.diskBytes.versions)}, the rest room; ${postgres.connections} connections`,
      ],
      [
        'largest tenant',
        `${round(largestTenant.eventsPerDay)} events a day, ${round(largestTenant.items)} items: ${bytes(largestTenant.modelBytes)} of memory, ${Math.round(largestTenant.answerMs)} ms an answer`,
      ],
      ['trainings', training(sizing)],
    ]),
    '',
    `First to run out: ${scarce.what}, ${scarce.because}.`,
    `Then: ${scarce.then}.`,
    '',
    table(bottlenecks, [
      { name: 'what runs out', of: ({ what }) => what },
      { name: 'in use', of: ({ use }) => percent(use), right: true },
      { name: 'because', of: ({ because }) => because },
    ]),
    ...(load.engine === 'cuda' ? ['', 'Times on a GPU are a guess: none was measured.'] : []),
  ].join('\n')
}

function training({ trainer: { plan } }: Sizing): string {
  const { simulated, trained } = plan
  if (trained === 0) return 'no tenant has enough to be trained'
  const late = simulated.tooLarge > 0 ? `, ${round(simulated.tooLarge)} tenants fit on no trainer` : ''
  return (
    `${round(trained)} tenants, ${percent(simulated.all.withinDay)} of the runs end within a day${late}; ` +
    `${wait('middle', simulated.all.median)}, ${wait('longest', simulated.all.longest)}; ` +
    `smallest tenth ${worst(simulated.smallest)}, largest ${worst(simulated.largest)}`
  )
}

const worst = ({ p99 }: Freshness) => wait('99 %', p99)
const wait = (name: string, seconds: number) =>
  `${name} ${Number.isFinite(seconds) ? `${(seconds / 3600).toFixed(1)} h` : 'more than a day late'}`

/** All figures that a size rests on, with where each is from. */
export function figuresTable(): string {
  const rows = Object.entries<Figure>({ ...MEASURED, ...ASSUMED }).map(([name, figure]) => ({ name, ...figure }))
  return table(rows, [
    { name: 'figure', of: ({ name }) => name },
    { name: 'value', of: ({ value }) => (value < 0.001 ? value.toExponential() : value), right: true },
    { name: 'unit', of: ({ unit }) => unit },
    { name: 'from', of: ({ source }) => source },
  ])
}
