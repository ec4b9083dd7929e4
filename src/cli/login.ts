import type { Command } from 'commander'
import { Attune, AttuneError } from '../client/index.js'
import { configFile, forgetConnection, readConnection, saveConnection } from './config-file.js'
import { type ConnectionFlags, withConnection } from './connection.js'
import { NoKeyError, UsageError } from './exit.js'
import { ask, readStandardInput } from './terminal.js'

/** `login` and `logout`: which service, which key, which tenant. */
export function addLogin(program: Command, env: NodeJS.ProcessEnv) {
  withConnection(program.command('login'))
    .summary('keep a service and a key for this user')
    .description('keep a service, a key and a tenant for this user, in a file that only the user can read')
    .addHelpText(
      'after',
      `
The key is asked for, or read from standard input. The service is asked whether it knows it.

Examples:
  attune login --server https://attune.example.com --tenant acme-shop
  pass attune/acme | attune login --server https://attune.example.com --tenant acme-shop`,
    )
    .action(async (flags: ConnectionFlags) => {
      const server = flags.server || env.ATTUNE_SERVER || (await serverAsked())
      const key = flags.key || env.ATTUNE_KEY || (await keyAsked())
      if (key === '') throw new NoKeyError('No key was given.')
      const tenant = flags.tenant || env.ATTUNE_TENANT
      await check(new Attune({ server, key, ...(tenant && { tenant }) }), tenant)
      const path = await saveConnection(env, { server, key, ...(tenant && { tenant }) })
      console.log(`Kept in ${path}: ${server}${tenant ? `, tenant ${tenant}` : ''}`)
    })

  program
    .command('logout')
    .description('forget what login kept')
    .addHelpText('after', '\nExample:\n  attune logout')
    .action(async () => {
      const { server } = await readConnection(env).catch(() => ({ server: undefined }))
      await forgetConnection(env)
      console.log(
        `${configFile(env)} is gone.${server ? ` The key itself still works at ${server}: attune keys revoke ends it.` : ''}`,
      )
    })
}

async function serverAsked(): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError('Which service? Name it as --server.')
  return (await ask('Service [http://127.0.0.1:3000]: ')) || 'http://127.0.0.1:3000'
}

const keyAsked = async () => (process.stdin.isTTY ? ask('Key (not shown): ', true) : (await readStandardInput()).trim())

/** A key that may not do this is a key all the same; one that the service does not know is not kept. */
async function check(attune: Attune, tenant: string | undefined): Promise<void> {
  try {
    await (tenant === undefined ? attune.tenants.list({ limit: 1 }) : attune.tenants.get())
  } catch (error) {
    if (!(error instanceof AttuneError) || error.status !== 403) throw error
    console.error(`attune: the service knows the key, which may not do everything: ${error.message}`)
  }
}
