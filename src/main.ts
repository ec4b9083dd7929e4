import 'reflect-metadata'
import { readConfig } from './platform/config.js'
import { createLogger } from './platform/logger.js'
import { startService } from './service.js'

try {
  const config = readConfig(process.env)
  const logger = createLogger(config.logLevel)
  // Node would print the error whole: one of the database has the values of its statement with it.
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'an error that nobody caught: the process ends')
    process.exit(1)
  })
  const service = await startService(config, logger)
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      void service.stop().then(
        // With the exit code that whoever asked for the end has set.
        () => process.exit(),
        (error: unknown) => {
          logger.fatal({ err: error }, 'could not stop in order')
          process.exit(1)
        },
      )
    })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
