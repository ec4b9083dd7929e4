import 'reflect-metadata'
import { readConfig } from './platform/config.js'
import { startService } from './service.js'

try {
  const service = await startService(readConfig(process.env))
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      void service.stop().then(
        // With the exit code that whoever asked for the end has set.
        () => process.exit(),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
    })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
