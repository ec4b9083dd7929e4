import type { Command } from 'commander'
import type { Schemas } from '../client/index.js'
import { type ConnectionFlags, connectToTenant, withConnection } from './connection.js'
import { UsageError } from './exit.js'
import { list, until } from './flags.js'
import { facts, moment, Output } from './output.js'

type Scope = Schemas['ApiKey']['scopes'][number]
const SCOPES: readonly Scope[] = ['ingest', 'recommend', 'train', 'manage']

interface Flags extends ConnectionFlags {
  scopes?: string[]
  name?: string
  expires?: string
  json?: boolean
}

/** `keys` of a tenant: made, listed, revoked. */
export function addKeys(program: Command, env: NodeJS.ProcessEnv) {
  const keys = program.command('keys').description('the keys of a tenant')

  withConnection(keys.command('list', { isDefault: true }))
    .description('what keys there are, without the keys themselves')
    .option('--json', 'for programs: one JSON value a line')
    .addHelpText('after', '\nExample:\n  attune keys list --tenant acme-shop')
    .action(async ({ json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const { data } = await attune.keys.list()
      new Output(json).list(
        data,
        [
          { name: 'id', of: ({ id }) => id },
          { name: 'name', of: ({ name }) => name },
          { name: 'scopes', of: ({ scopes }) => scopes.join(' ') },
          { name: 'since', of: ({ createdAt }) => moment(createdAt) },
          { name: 'until', of: ({ expiresAt }) => moment(expiresAt) },
        ],
        'There are no keys.',
      )
    })

  withConnection(keys.command('create'))
    .description('make a key; it is shown this once')
    .requiredOption('--scopes <scopes>', `what it may do: some of ${SCOPES.join(',')}`, list)
    .option('--name <name>', 'for people')
    .option('--expires <when>', 'when it ends: a moment, or 90d, 12h', (value) => until(value))
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  attune keys create --scopes ingest,recommend --name website --expires 1y')
    .action(async ({ scopes = [], name, expires, json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const unknown = scopes.filter((scope) => !isScope(scope))
      if (unknown.length > 0) throw new UsageError(`There is no scope ${unknown.join(', ')}: ${SCOPES.join(', ')}`)
      const made = await attune.keys.create({
        scopes: scopes.filter(isScope),
        ...(name !== undefined && { name }),
        ...(expires !== undefined && { expiresAt: expires }),
      })
      new Output(json).show(made, () =>
        facts([
          ['id', made.id],
          ['key', made.key],
          ['scopes', made.scopes.join(' ')],
          ['until', moment(made.expiresAt)],
          ['', 'the key is not shown again'],
        ]),
      )
    })

  withConnection(keys.command('revoke'))
    .description('end a key at once')
    .argument('<id>', 'as attune keys list shows it')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  attune keys revoke EJW_RzLZ1MJF')
    .action(async (id: string, { json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      await attune.keys.revoke(id)
      new Output(json).show({ id, revoked: true }, () => `${id} is revoked`)
    })
}

const isScope = (scope: string): scope is Scope => SCOPES.some((known) => known === scope)
