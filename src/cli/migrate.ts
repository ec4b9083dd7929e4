import { MIGRATIONS } from '../../migrations/index.js'
import { readConfig } from '../platform/config.js'
import { closeDatabase, openDatabase } from '../platform/database.js'
import { createLogger } from '../platform/logger.js'

/**
 * Opens the database as the service does, which migrates it, and closes it again: for a job that goes before the instances
 * of a new build.
 * @returns what there is to say
 */
export async function migrateOnly(env: NodeJS.ProcessEnv): Promise<string> {
  const config = readConfig(env)
  const handle = await openDatabase(config, createLogger(config.logLevel), MIGRATIONS)
  await closeDatabase(handle)
  return 'The database is up to date.'
}
