import { type Command, InvalidArgumentError, Option } from 'commander'
import { share } from '../flags.js'
import { Output } from '../output.js'
import { ASSUMED, MEASURED } from './figures.js'
import { DEFAULTS, ENGINES, type Load, requestsOf } from './load.js'

interface Flags extends Omit<Load, 'requestsPerSecond'> {
  requestsPerSecond?: number
  figures?: boolean
  json?: boolean
}

const TIMES: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9 }

/** A number within bounds, also as `1e9`, `1_000`, `50k`, `100M`, `1G`. @throws InvalidArgumentError */
export const amount =
  (least: number, most: number) =>
  (value: string): number => {
    const [, digits, unit] = /^(\d[\d_]*(?:\.\d+)?(?:e\d{1,2})?)([kMG]?)$/.exec(value) ?? []
    const found = digits === undefined ? NaN : Number(digits.replaceAll('_', '')) * TIMES[unit]
    if (!(found >= least && found <= most))
      throw new InvalidArgumentError(`has to be a number from ${least} to ${most}, as 250000, 1e9, 50k, 100M or 1G`)
    return found
  }

const count = (most: number) => (value: string) => Math.round(amount(1, most)(value))

/** `size`: how many of what a load takes. Asks no service. */
export function addSize(program: Command) {
  program
    .command('size')
    .description('how many of each role, partitions, GPUs, memory and disk a load takes, and what runs out first')
    .requiredOption('--tenants <count>', 'how many', count(100_000))
    .requiredOption('--events-per-day <count>', 'of all tenants', amount(1, 1e13))
    .requiredOption('--items <count>', 'of all tenants', count(1e12))
    .option('--requests-per-second <count>', 'at the peak (default: one for each 100,000 events a day)', amount(0, 1e9))
    .option('--peak <times>', 'events at the peak by those of the mean', amount(1, 1000), DEFAULTS.peak)
    .option('--retention-days <days>', 'how long events are kept', count(36_500), DEFAULTS.retentionDays)
    .option('--history-days <days>', 'how far back a training reads', count(36_500), DEFAULTS.historyDays)
    .option('--active <share>', 'of the tenants, those that are asked for within one minute', share, DEFAULTS.active)
    .addOption(
      new Option('--route <how>', "a tenant's requests go to any instance, or to two of its own")
        .choices(['any', 'tenant'])
        .default(DEFAULTS.route),
    )
    .addOption(new Option('--engine <name>', 'what trains').choices(ENGINES).default(DEFAULTS.engine))
    .option('--trainer-cores <count>', 'of each trainer', count(1024), DEFAULTS.trainerCores)
    .option('--trainer-memory-gb <count>', 'of each trainer', amount(1, 100_000), DEFAULTS.trainerMemoryGb)
    .option('--seed <number>', 'another draw of how large each tenant is', count(2 ** 32 - 1), DEFAULTS.seed)
    .option('--figures', 'the figures too that this rests on, each with its source')
    .option('--json', 'for programs: one JSON value')
    .addHelpText(
      'after',
      `
Tenants are as different as shops are: the sizes are drawn, log-normal, and add up to the totals. The trainings of
three days are then simulated in the order in which the service does them. See docs/sizing.md.

Examples:
  attune size --tenants 10 --events-per-day 1M --items 50k
  attune size --tenants 10000 --events-per-day 1G --items 100M --requests-per-second 10k --retention-days 90
  attune size --tenants 1000 --events-per-day 100M --items 5M --engine cuda --json | jq .bottlenecks[0]`,
    )
    .action(async ({ json = false, figures = false, ...flags }: Flags) => {
      const [{ sizeOf }, { figuresTable, sizeTable }] = await Promise.all([
        import('./sizing.js'),
        import('./size-table.js'),
      ])
      const load = { ...flags, requestsPerSecond: flags.requestsPerSecond ?? requestsOf(flags.eventsPerDay) }
      const sizing = sizeOf(load)
      new Output(json).show({ ...sizing, ...(figures && { figures: { measured: MEASURED, assumed: ASSUMED } }) }, () =>
        [sizeTable(sizing), ...(figures ? ['', figuresTable()] : [])].join('\n'),
      )
    })
}
