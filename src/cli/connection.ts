import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { Attune, type AttuneOptions } from '../client/index.js'
import { readConnection } from './config-file.js'
import { NoKeyError, UsageError } from './exit.js'

export interface ConnectionFlags {
  server?: string
  key?: string
  tenant?: string
}

export interface Connection {
  attune: Attune
  server: string
  /** Undefined where none was named. */
  tenant: string | undefined
}

/** The flags of every verb that talks to a service. */
export const withConnection = (command: Command, { tenant = true } = {}): Command => {
  command
    .optionsGroup('Connection:')
    .option('--server <address>', 'where the service is (ATTUNE_SERVER)')
    .option(
      '--key <key>',
      'key to ask with; better in ATTUNE_KEY or by attune login, where no list of processes shows it',
    )
  return tenant ? command.option('--tenant <id>', 'tenant that it is about (ATTUNE_TENANT)') : command
}

/** An empty name is mostly a variable that is not set: what it stands for must not be taken from elsewhere. */
function refuseEmpty(flags: ConnectionFlags): void {
  for (const name of ['server', 'key', 'tenant'] as const)
    if (flags[name]?.trim() === '') throw new UsageError(`The ${name} is named, but empty. Is a variable not set?`)
}

/**
 * The service that flags, environment or `attune login` name, in this order. Without any key, and where the service is on
 * this machine, the operator's key under DATA_DIR serves.
 * @throws UsageError, NoKeyError
 */
export async function connect(
  flags: ConnectionFlags,
  env: NodeJS.ProcessEnv,
  options: Partial<AttuneOptions> = {},
): Promise<Connection> {
  refuseEmpty(flags)
  const saved = await readConnection(env)
  const server = flags.server || env.ATTUNE_SERVER || saved.server || `http://127.0.0.1:${env.PORT || '3000'}`
  const tenant = flags.tenant || env.ATTUNE_TENANT || saved.tenant
  // A key is for the service that it was saved with, and for no other.
  const own = saved.server === undefined || sameServer(saved.server, server) ? saved.key : undefined
  const key = flags.key || env.ATTUNE_KEY || own || (await operatorKeyHere(server, env))
  if (!key) {
    const here = isLocal(server)
      ? ` The operator's of a service on this machine is taken from ${operatorKeyFile(env)}, which is not there: DATA_DIR may say where it is.`
      : ''
    throw new NoKeyError(`No key for ${server}: attune login keeps one, or give it in ATTUNE_KEY or as --key.${here}`)
  }
  return { attune: new Attune({ server, key, ...options, ...(tenant && { tenant }) }), server, tenant }
}

/** The same for verbs about one tenant. @throws UsageError where none is named */
export async function connectToTenant(
  flags: ConnectionFlags,
  env: NodeJS.ProcessEnv,
  options?: Partial<AttuneOptions>,
): Promise<Connection & { tenant: string }> {
  const connection = await connect(flags, env, options)
  const { tenant } = connection
  if (!tenant) throw new UsageError('Which tenant? Name it as --tenant, in ATTUNE_TENANT, or by attune login.')
  return { ...connection, tenant }
}

async function operatorKeyHere(server: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (!isLocal(server)) return undefined
  const path = operatorKeyFile(env)
  const key = await readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  if (key === '') return undefined
  console.error(`attune: no key was given, so it asks with the operator's, from ${path}`)
  return key
}

const operatorKeyFile = (env: NodeJS.ProcessEnv) => join(env.DATA_DIR || '.attune', 'operator.key')

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
function isLocal(server: string): boolean {
  return URL.canParse(server) && LOOPBACK.test(new URL(server).hostname)
}

function sameServer(one: string, other: string): boolean {
  if (!URL.canParse(one) || !URL.canParse(other)) return false
  return new URL(one).href.replace(/\/+$/, '') === new URL(other).href.replace(/\/+$/, '')
}
