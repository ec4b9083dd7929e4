import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import type { Command } from 'commander'
import { packagePath } from '../platform/paths.js'
import { UsageError } from './exit.js'

/** The verbs that are the service itself, or run it: `serve`, `migrate`, `quickstart`, `doctor`, `bench`. */
export function addServe(program: Command, env: NodeJS.ProcessEnv, version: string) {
  program
    .command('serve')
    .description('start the roles that ROLES names; its settings come from the environment, see .env.example')
    .addHelpText(
      'after',
      '\nExamples:\n  PORT=8080 attune serve\n  ROLES=trainer DATABASE_URL=postgres://localhost/attune attune serve',
    )
    .action(async () => {
      await import('../main.js')
    })

  program
    .command('migrate')
    .description('bring the database up to date, as each instance does at its start, and end')
    .addHelpText(
      'after',
      '\nReads DATABASE_URL and LOG_LEVEL, like the service. Several at once wait for each other.\n\nExample:\n  DATABASE_URL=postgres://localhost/attune attune migrate',
    )
    .action(async () => {
      const { migrateOnly } = await import('./migrate.js')
      console.log(await migrateOnly(env))
    })

  program
    .command('quickstart')
    .description('two real shops, from nothing to a fine-tuned recommender, on a service of their own')
    .option('--exit', 'stop when everything has been shown, instead of going on serving')
    .option('--kafka', 'send the events through a Kafka broker that is started for it (needs Java 17 and Maven)')
    .addHelpText('after', '\nExample:\n  attune quickstart --exit')
    .action(async ({ exit, kafka }: { exit?: boolean; kafka?: boolean }) => {
      await run(built('scripts', 'quickstart.js'), [...(exit ? ['--exit'] : []), ...(kafka ? ['--kafka'] : [])])
    })

  program
    .command('doctor')
    .description('look whether the service could run here, and which tensor engine it would get; changes nothing')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      '\nEnds with 0 where the service could run, else with 1. Takes some seconds for each engine.\n\nExample:\n  attune doctor --json | jq .ok',
    )
    .action(async ({ json }: { json?: boolean }) => {
      const [{ diagnose }, { doctorTable }] = await Promise.all([import('./doctor.js'), import('./doctor-table.js')])
      if (process.stderr.isTTY) console.error('Looking around, about ten seconds ...\n')
      const diagnosis = await diagnose(env)
      const text = json ? JSON.stringify({ version, ...diagnosis }, null, 2) : doctorTable(diagnosis)
      // Ended by hand: a client that still tries to reach its brokers must not keep the process.
      process.stdout.write(`${text}\n`, () => process.exit(diagnosis.ok ? 0 : 1))
    })

  program
    .command('bench')
    .description('measure this machine: each bench starts a service of its own and prints one line of JSON last')
    .argument('[name]', 'which one; without it they are listed')
    .argument('[args...]', 'for the bench, after --')
    .addHelpText('after', '\nExamples:\n  attune bench\n  attune bench ingest')
    .action(async (name: string | undefined, args: string[]) => {
      const names = readdirSync(built('bench'))
        .filter((file) => file.endsWith('.js') && file !== 'report.js')
        .map((file) => file.slice(0, -3))
      if (name === undefined) return console.log(names.join('\n'))
      if (!names.includes(name)) throw new UsageError(`There is no bench ${name}: ${names.join(', ')}`)
      await run(built('bench', `${name}.js`), args)
    })
}

const built = (...parts: string[]) => {
  const path = packagePath('dist', ...parts)
  if (!existsSync(path)) throw new UsageError(`${path} is not there: npm run setup builds it`)
  return path
}

/** A program of this package, which ends this one with its own code. */
function run(path: string, args: string[]): Promise<void> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit' })
    // A terminal tells both; who tells this one only means both.
    const pass = (signal: NodeJS.Signals) => child.kill(signal)
    process.on('SIGTERM', pass).on('SIGINT', () => undefined)
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143)
      done()
    })
  })
}
