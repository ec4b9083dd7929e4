import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { type Attune, AttuneError } from '../../client/index.js'
import { Settings } from '../../tenants/settings.js'
import { connectToTenant, type ConnectionFlags, withConnection } from '../connection.js'
import { EXIT, EXIT_HELP, UsageError } from '../exit.js'
import { list, whole } from '../flags.js'
import { number } from '../output.js'
import type { Kind } from './fields.js'
import { findInput, type Format } from './input.js'
import { words } from './problems.js'
import { PlaceNotKeptError } from './progress.js'
import type { ReadingOptions } from './reading.js'

/** Of a quota that is spent, and of a service that restarts: minutes, then the place is kept and the command ends. */
const RETRIES = 20

interface Flags extends ConnectionFlags {
  map?: string[]
  set?: string[]
  format?: Format
  delimiter?: string
  columns?: string[]
  encoding?: string
  dryRun?: boolean
  again?: boolean
  report?: string
  inFlight: number
  json?: boolean
}

const HELP = `
A column is a field where --map says so, or where it has the field's name: user_id is userId. Fields of events: userId,
itemId, type, value, occurredAt, eventId, sessionId, recommendationId, properties, properties.<name>. Of items: itemId,
title, description, categories, attributes, attributes.<name>, attributes.<name>:number, price, url, imageUrl, available,
publishedAt, expiresAt, embedding. Lists are cut at |. A time without a zone is UTC; a number is seconds or milliseconds.

Rows that are refused are named by line, column and reason, all of them in <file>.refused.ndjson. An import that was ended,
however, goes on where it was when the same command is given again. Events without an id are named by the file and their
line, so that none is ever stored twice.

Examples:
  attune import items products.csv --map itemId=sku --map attributes.brand=brand
  attune import events orders.csv.gz --map userId=customer --map itemId=sku --map occurredAt=date --set type=purchase
  attune import events clicks.ndjson --dry-run
  zcat clicks-*.gz | attune import events - --format ndjson
${EXIT_HELP}`

export function addImport(program: Command, env: NodeJS.ProcessEnv) {
  const command = program
    .command('import')
    .summary('send events or items from a file')
    .description('send events or items from CSV, NDJSON or Parquet, plain or packed by gzip')
    .addArgument(new Argument('<kind>').choices(['events', 'items']))
    .argument('<file>', 'a file, or - for standard input')
    .option('--map <field=column>', 'where a field comes from; may be given often', gather)
    .option('--set <field=value>', 'the same value for every row', gather)
    .addOption(new Option('--format <format>', 'by its ending unless said').choices(['csv', 'ndjson', 'parquet']))
    .option('--delimiter <character>', 'between the columns of CSV; found by itself unless said', delimiterOf)
    .option('--columns <names>', 'names of the columns, for CSV without a line of them', list)
    .option('--encoding <name>', 'of the text: utf-8, latin1, utf-16le ...')
    .option('--dry-run', 'only say what is wrong, line by line; needs no service')
    .option('--again', 'also where this file was imported to its end before')
    .option('--report <file>', 'where refused lines are named')
    .option('--in-flight <n>', 'requests at a time', whole, 4)
    .option('--json', 'for programs: the summary, and the problems of a dry run, as JSON lines')
  withConnection(command)
    .addHelpText('after', HELP)
    .action(async (kind: Kind, file: string, flags: Flags) => {
      process.exitCode = flags.dryRun ? await dryRun(kind, file, flags) : await run(kind, file, flags, env)
    })
}

const readingOptions = (
  kind: Kind,
  { map = [], set = [], format, delimiter, columns, encoding }: Flags,
): ReadingOptions => ({
  kind,
  map,
  set,
  ...(format && { format }),
  ...(delimiter && { delimiter }),
  ...(columns && { columns }),
  ...(encoding && { encoding }),
})

async function run(kind: Kind, file: string, flags: Flags, env: NodeJS.ProcessEnv): Promise<number> {
  const [{ Sending }, input] = await Promise.all([
    import('./sending.js'),
    findInput(file, flags.format, flags.encoding),
  ])
  let limited = 0
  const counting: typeof fetch = async (address, init) => {
    const response = await fetch(address, init)
    if (response.status === 429) limited += 1
    return response
  }
  const { attune, server, tenant } = await connectToTenant(flags, env, { retries: RETRIES, fetch: counting })
  const ending = new AbortController()
  let signal: NodeJS.Signals | undefined
  const end = (name: NodeJS.Signals) => {
    signal = name
    ending.abort(new Error('ended'))
  }
  process.once('SIGINT', end).once('SIGTERM', end)
  const sending = new Sending(
    attune,
    input,
    {
      ...readingOptions(kind, flags),
      server,
      tenant,
      inFlight: flags.inFlight,
      again: flags.again ?? false,
      signal: ending.signal,
      ...(flags.report !== undefined && { report: flags.report }),
    },
    env,
  )
  try {
    const summary = await sending.run()
    if (flags.json) console.log(JSON.stringify(summary))
    else {
      const { read, accepted, duplicates, refused, seconds, rowsPerSecond, report } = summary
      const known = kind === 'events' ? `, ${number(duplicates)} known already` : ''
      if (summary.finishedBefore) console.log(`${input.name} was imported before: --again sends it once more.`)
      else
        console.log(
          `${number(read)} rows in ${seconds} s (${number(rowsPerSecond)} a second): ${number(accepted)} ${kind} stored${known}, ${number(refused)} refused`,
        )
      if (report) console.log(`Refused lines are named in ${report}`)
      for (const line of sending.types.words(await settingsOf(attune))) console.error(`attune: ${line}`)
      if (limited > 0) console.error(`attune: the quotas of the tenant slowed this down (quotas.eventsPerSecond)`)
    }
    return summary.refused > 0 ? EXIT.partly : EXIT.done
  } catch (error) {
    if (input.path !== undefined && !(error instanceof UsageError))
      console.error(
        error instanceof PlaceNotKeptError
          ? 'attune: the same command goes on from the place that was kept last, and what it sends again counts once'
          : 'attune: the place is kept: the same command goes on from it',
      )
    if (signal === undefined) throw error
    return signal === 'SIGINT' ? 130 : 143
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
  }
}

async function dryRun(kind: Kind, file: string, flags: Flags): Promise<number> {
  const [{ tryOut }, input] = await Promise.all([import('./trying.js'), findInput(file, flags.format, flags.encoding)])
  const { read, refused, remarks, types } = await tryOut(input, readingOptions(kind, flags), (problem) =>
    process.stdout.write(`${flags.json ? JSON.stringify(problem) : words(problem)}\n`),
  )
  for (const remark of remarks) console.error(`attune: ${remark}`)
  // Nobody is asked: what a tenant has not said otherwise.
  for (const line of types.words(Settings.parse({}))) console.error(`attune: ${line}`)
  console.error(`attune: ${number(read)} rows, ${number(refused)} of them would be refused; nothing was sent`)
  return refused > 0 ? EXIT.partly : EXIT.done
}

/** Of the tenant; the defaults where the key may send events and no more. */
async function settingsOf(attune: Attune): Promise<Pick<Settings, 'eventTypes'>> {
  try {
    return (await attune.tenants.get()).settings
  } catch (error) {
    if (error instanceof AttuneError) return Settings.parse({})
    throw error
  }
}

const gather = (value: string, earlier: string[] = []) => [...earlier, value]

function delimiterOf(value: string): string {
  const found = value === '\\t' || value === 'tab' ? '\t' : value
  if (found.length !== 1 || found === '"' || found === '\n') throw new InvalidArgumentError('has to be one character')
  return found
}
