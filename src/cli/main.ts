#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { listDeadLetters, replayDeadLetters } from '../events/dead-letter-replay.js'
import { type Config, readConfig } from '../platform/config.js'
import { AppError } from '../platform/errors.js'
import { createLogger, type Logger } from '../platform/logger.js'
import { packagePath } from '../platform/paths.js'

const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }

const program = new Command('attune')
  .description('Recommendations for many tenants. Configuration comes from the environment, see .env.example.')
  .version(version)

program
  .command('serve')
  .description('start the roles that ROLES names (the same as npm start)')
  .action(async () => {
    await import('../main.js')
  })

program
  .command('doctor')
  .description('look whether the service could run here, and which tensor engine it would get; changes nothing')
  .option('--json', 'for programs')
  .addHelpText('after', '\nEnds with 0 where the service could run, else with 1. Takes some seconds for each engine.')
  .action(async ({ json }: { json?: boolean }) => {
    const [{ diagnose }, { doctorTable }] = await Promise.all([import('./doctor.js'), import('./doctor-table.js')])
    if (process.stderr.isTTY) console.error('Looking around, about ten seconds ...\n')
    const diagnosis = await diagnose(process.env)
    const text = json ? JSON.stringify({ version, ...diagnosis }, null, 2) : doctorTable(diagnosis)
    // Ended by hand: a client that still tries to reach its brokers must not keep the process.
    process.stdout.write(`${text}\n`, () => process.exit(diagnosis.ok ? 0 : 1))
  })

const letters = program.command('dead-letters').description('messages from Kafka that could not be used')

letters
  .command('list')
  .description('the letters that wait, oldest first, one JSON line each; changes nothing')
  .option('--limit <n>', 'at most so many', whole, 100)
  .option('--code <code>', 'only those refused with this code')
  .option('--topic <topic>', 'only those from this topic')
  .action(async ({ limit, ...filter }: { limit: number; code?: string; topic?: string }) => {
    const found = await listDeadLetters(...connection(), { limit, filter })
    for (const letter of found) console.log(JSON.stringify(letter))
    console.error(`${found.length} letters`)
  })

letters
  .command('replay')
  .description('send the letters round again, each to the topic it came from; what is stored already stays stored once')
  .option('--limit <n>', 'at most so many', whole)
  .option('--code <code>', 'only those refused with this code')
  .option('--topic <topic>', 'only those from this topic')
  .addHelpText(
    'after',
    '\nExample: after a tenant was made that events had come for too early\n  attune dead-letters replay --code UNKNOWN_TENANT',
  )
  .action(async ({ limit, ...filter }: { limit?: number; code?: string; topic?: string }) => {
    console.log(JSON.stringify(await replayDeadLetters(...connection(), { limit, filter })))
  })

try {
  await program.parseAsync()
} catch (error) {
  console.error(
    error instanceof AppError ? `${error.code}: ${error.message}` : error instanceof Error ? error.message : error,
  )
  process.exitCode = 1
}

/** @throws Error where the environment does not fit, AppError where it names no Kafka */
function connection(): [NonNullable<Config['kafka']>, Logger] {
  const config = readConfig(process.env)
  if (!config.kafka) throw new AppError('NO_KAFKA', 'Set KAFKA_BROKERS: dead letters are in Kafka.')
  return [config.kafka, createLogger(config.logLevel === 'info' ? 'warn' : config.logLevel)]
}

function whole(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('has to be a whole number above 0')
  return number
}
