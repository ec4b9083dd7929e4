import { type Command, Option } from 'commander'
import type { Schemas } from '../client/index.js'
import { BASE_MODELS } from '../tenants/base-models.js'
import { outsideHistoryWords } from '../training/readiness.js'
import { connect, type ConnectionFlags, connectToTenant, withConnection } from './connection.js'
import { UsageError } from './exit.js'
import { jsonObject } from './flags.js'
import { first } from './lists.js'
import { facts, moment, number, Output } from './output.js'
import { clock, confirm } from './terminal.js'

interface Flags extends ConnectionFlags {
  name?: string
  base?: (typeof BASE_MODELS)[number]
  settings?: string
  yes?: boolean
  json?: boolean
}

type Readiness = Schemas['Readiness']

/** Whether a training may start, in words. */
function trainable({ missing, estimate }: Readiness): string {
  if (missing.length > 0) return 'not ready: what is missing is below'
  return estimate ? `ready, would take about ${clock(estimate.seconds)} on ${estimate.engine}` : 'ready'
}

const tooOld = ({ events, eventsOutsideHistory }: Readiness, { settings }: Schemas['Tenant']) =>
  outsideHistoryWords(eventsOutsideHistory, events, settings.training.historyDays)

const JSON_FLAG = ['--json', 'for programs: one JSON value a line'] as const

/** `tenants`: made, looked at, set, deleted. */
export function addTenants(program: Command, env: NodeJS.ProcessEnv) {
  const tenants = program.command('tenants').description('the tenants of the service')

  withConnection(tenants.command('list', { isDefault: true }), { tenant: false })
    .description('all of them (operator)')
    .option(...JSON_FLAG)
    .addHelpText('after', '\nExamples:\n  attune tenants list\n  attune tenants list --json | jq -r .id')
    .action(async ({ json = false, ...flags }: Flags) => {
      const { attune } = await connect(flags, env)
      const found = await first(attune.tenants.all(), Infinity)
      new Output(json).list(
        found,
        [
          { name: 'tenant', of: ({ id }) => id },
          { name: 'name', of: ({ name }) => name },
          { name: 'base', of: ({ baseModel }) => baseModel },
          { name: 'since', of: ({ createdAt }) => moment(createdAt) },
        ],
        'There are no tenants: attune tenants create makes one.',
      )
    })

  withConnection(tenants.command('show'))
    .description('one of them: what is there, what is served, what a training lacks')
    .argument('[tenant]', 'as --tenant')
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      '\nExamples:\n  attune tenants show acme-shop\n  attune tenants show --json | jq .readiness.missing',
    )
    .action(async (id: string | undefined, { json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant({ ...flags, ...(id !== undefined && { tenant: id }) }, env)
      const [tenant, readiness] = await Promise.all([attune.tenants.get(), attune.readiness()])
      new Output(json).show({ ...tenant, readiness }, () =>
        [
          facts([
            ['tenant', tenant.id],
            ['name', tenant.name],
            ['base', tenant.baseModel],
            ['events', readiness.events],
            ...(readiness.eventsOutsideHistory > 0 ? [['too old', tooOld(readiness, tenant)] as [string, string]] : []),
            ['users', readiness.users],
            ['items', readiness.items],
            ['with text', readiness.itemsWithText],
            ['served by', readiness.serving],
            ['training', trainable(readiness)],
            ['next look', moment(readiness.nextTraining) ?? 'none: only on request'],
          ]),
          ...readiness.missing.map(
            ({ words, have, need, why }) => `missing: ${number(have)} of ${number(need)} ${words}: ${why}`,
          ),
          '',
          JSON.stringify(tenant.settings, null, 2),
        ].join('\n'),
      )
    })

  const settable = (command: Command) =>
    command
      .option('--name <name>', 'for people')
      .addOption(new Option('--base <model>', 'what serves before the first training').choices(BASE_MODELS))
      .option('--settings <json>', 'merged into its settings: JSON, @file, or - for standard input')
      .option(...JSON_FLAG)
  const changes = async ({ name, base, settings }: Flags) => ({
    ...(name !== undefined && { name }),
    ...(base !== undefined && { baseModel: base }),
    ...(settings !== undefined && { settings: await jsonObject('--settings', settings) }),
  })

  withConnection(settable(tenants.command('create')), { tenant: false })
    .description('make one, with a first key that has every scope (operator); the key is shown this once')
    .argument('<tenant>')
    .addHelpText(
      'after',
      '\nExample:\n  attune tenants create acme-shop --settings \'{"quotas":{"eventsPerSecond":50000}}\'',
    )
    .action(async (id: string, flags: Flags) => {
      const { attune } = await connect(flags, env)
      const made = await attune.tenants.create({ id, ...(await changes(flags)) })
      new Output(flags.json ?? false).show(made, () =>
        facts([
          ['tenant', made.tenant.id],
          ['key', made.apiKey],
          ['', 'the key is not shown again: attune login keeps it'],
        ]),
      )
    })

  withConnection(settable(tenants.command('set')))
    .description('change name, base or settings; null takes a setting back to its default')
    .argument('[tenant]', 'as --tenant')
    .addHelpText(
      'after',
      '\nExample:\n  attune tenants set acme-shop --settings \'{"training":{"autoPromote":false}}\'',
    )
    .action(async (id: string | undefined, flags: Flags) => {
      const wanted = await changes(flags)
      if (Object.keys(wanted).length === 0) throw new UsageError('Change what? Say --name, --base or --settings.')
      const { attune } = await connectToTenant({ ...flags, ...(id !== undefined && { tenant: id }) }, env)
      const tenant = await attune.tenants.update(wanted)
      new Output(flags.json ?? false).show(tenant, () => JSON.stringify(tenant.settings, null, 2))
    })

  withConnection(tenants.command('delete'), { tenant: false })
    .description('delete one and everything of it: items, events, models, keys')
    .argument('<tenant>')
    .option('--yes', 'without being asked')
    .option(...JSON_FLAG)
    .addHelpText('after', '\nExample:\n  attune tenants delete acme-shop')
    .action(async (id: string, flags: Flags) => {
      const { attune } = await connect({ ...flags, tenant: id }, env)
      await confirm(`Everything of tenant ${id} will be gone.`, id, flags.yes)
      const answer = await attune.tenants.delete()
      new Output(flags.json ?? false).show(answer, () => `${id} is being deleted`)
    })
}
