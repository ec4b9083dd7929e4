import type { Command } from 'commander'
import type { Config } from '../platform/config.js'
import { AppError } from '../platform/errors.js'
import type { Logger } from '../platform/logger.js'
import { whole } from './flags.js'
import { Output } from './output.js'

interface Flags {
  limit?: number
  code?: string
  topic?: string
  json?: boolean
}

/** Dead letters are in Kafka: these verbs read its settings from the environment, as the service does. */
export function addDeadLetters(program: Command, env: NodeJS.ProcessEnv) {
  const letters = program
    .command('dead-letters')
    .description('messages from Kafka that could not be used; KAFKA_BROKERS and its kin say where')
  const chosen = (command: Command) =>
    command
      .option('--code <code>', 'only those refused with this code')
      .option('--topic <topic>', 'only those from this topic')
      .option('--json', 'for programs')

  chosen(letters.command('list'))
    .description('the letters that wait, oldest first; changes nothing')
    .option('--limit <n>', 'at most so many', whole, 100)
    .action(async ({ limit = 100, json, ...filter }: Flags) => {
      const { listDeadLetters } = await import('../events/dead-letter-replay.js')
      const found = await listDeadLetters(...(await connection(env)), { limit, filter })
      new Output(json ?? false).list(
        found,
        [
          { name: 'from', of: ({ origin }) => origin && `${origin.topic}/${origin.partition}/${origin.offset}` },
          { name: 'code', of: ({ code }) => code },
          { name: 'reason', of: ({ reason }) => reason },
        ],
        'No letters wait.',
      )
    })

  chosen(letters.command('replay'))
    .description(
      'send the letters round again, each to the topic it came from; what is stored already stays stored once',
    )
    .option('--limit <n>', 'at most so many', whole)
    .addHelpText(
      'after',
      '\nExample: after a tenant was made that events had come for too early\n  attune dead-letters replay --code UNKNOWN_TENANT',
    )
    .action(async ({ limit, json, ...filter }: Flags) => {
      const { replayDeadLetters } = await import('../events/dead-letter-replay.js')
      const replayed = await replayDeadLetters(...(await connection(env)), { limit, filter })
      new Output(json ?? false).show(replayed, () => `${replayed.replayed} sent round again, ${replayed.kept} kept`)
    })
}

/** @throws Error where the environment does not fit, AppError where it names no Kafka */
async function connection(env: NodeJS.ProcessEnv): Promise<[NonNullable<Config['kafka']>, Logger]> {
  const [{ readConfig }, { createLogger }] = await Promise.all([
    import('../platform/config.js'),
    import('../platform/logger.js'),
  ])
  const config = readConfig(env)
  if (!config.kafka) throw new AppError('NO_KAFKA', 'Set KAFKA_BROKERS: dead letters are in Kafka.')
  return [config.kafka, createLogger(config.logLevel === 'info' ? 'warn' : config.logLevel)]
}
