import { type Command, Option } from 'commander'
import { type Attune, AttuneError, type RunEvent, type Schemas } from '../client/index.js'
import { type ConnectionFlags, connectToTenant, withConnection } from './connection.js'
import { EXIT } from './exit.js'
import { whole } from './flags.js'
import { first } from './lists.js'
import { facts, moment, number, Output, percent, plain } from './output.js'
import { bar, clock, LiveLine } from './terminal.js'

type Run = Schemas['TrainingRun']

interface Flags extends ConnectionFlags {
  from?: 'base' | 'active'
  reason?: string
  force?: boolean
  follow?: boolean
  limit?: number
  json?: boolean
}

/** `train` and `runs`: fine-tuning asked for, followed, listed, cancelled. */
export function addTraining(program: Command, env: NodeJS.ProcessEnv) {
  withConnection(program.command('train'))
    .summary('fine-tune now, and follow it to its end')
    .description('fine-tune a tenant now, and follow the run to its end; where one is running already, that one')
    .addOption(new Option('--from <start>', 'the version that is served, or the base').choices(['active', 'base']))
    .option('--reason <words>', 'kept with the run')
    .option('--force', 'also where nothing is new: no event, no item, no setting that training goes by')
    .option('--no-follow', 'only start it')
    .option('--json', 'for programs: what the run reports, and the run itself last, as JSON lines')
    .addHelpText(
      'after',
      `
Ends with 0 where the run ended with a version that is served or waits to be promoted, or where nothing was new; with 3
where the gate rejected the version; with 1 where the run failed or was cancelled. Ctrl+C leaves the run running.

Examples:
  attune train
  attune train --from base --reason "new titles" --force
  attune train --json | tail -1 | jq -r .state`,
    )
    .action(async ({ from, reason, force, follow = true, json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const asked = { ...(from && { from }), ...(reason !== undefined && { reason }), ...(force && { force }) }
      const run = await started(attune, asked)
      process.exitCode = await followed(attune, run, { follow, json })
    })

  const runs = program.command('runs').description('the training runs of a tenant')

  withConnection(runs.command('list', { isDefault: true }))
    .description('newest first')
    .option('--limit <n>', 'at most so many', whole, 20)
    .option('--json', 'for programs: one JSON value a line')
    .addHelpText('after', '\nExample:\n  attune runs list --limit 5')
    .action(async ({ json = false, limit = 20, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const found = await first(attune.runs.all(), limit)
      new Output(json).list(
        found,
        [
          { name: 'run', of: ({ id }) => id },
          { name: 'asked', of: ({ createdAt }) => moment(createdAt) },
          { name: 'state', of: ({ state }) => state },
          { name: 'version', of: ({ modelVersion }) => modelVersion },
          { name: 'by', of: ({ requestedBy }) => requestedBy },
          { name: 'detail', of: (run) => run.error?.message ?? run.detail },
        ],
        'No run yet: attune train starts one.',
      )
    })

  withConnection(runs.command('follow'))
    .description('one of them to its end, as train does')
    .argument('<run>', 'as attune runs list shows it')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  attune runs follow 7f0c1f0e-5b0e-4c8e-9d3a-1b1f0f6f2a11')
    .action(async (id: string, { json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      process.exitCode = await followed(attune, await attune.runs.get(id), { follow: true, json })
    })

  withConnection(runs.command('cancel'))
    .description('end one; one that has ended stays as it is')
    .argument('<run>', 'as attune runs list shows it')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  attune runs cancel 7f0c1f0e-5b0e-4c8e-9d3a-1b1f0f6f2a11')
    .action(async (id: string, { json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const run = await attune.runs.cancel(id)
      new Output(json).show(run, () => `${run.id}: ${run.cancelRequested ? 'is being cancelled' : run.state}`)
    })
}

/** The run that was asked for, or the one that is in its way. */
async function started(
  attune: Attune,
  asked: { from?: 'base' | 'active'; reason?: string; force?: boolean },
): Promise<Run> {
  try {
    return await attune.runs.start(asked)
  } catch (error) {
    if (!(error instanceof AttuneError) || error.code !== 'RUN_IN_PROGRESS') throw error
    const id = error.problem?.runId
    if (typeof id !== 'string') throw error
    console.error(`attune: run ${id} is in progress already`)
    return attune.runs.get(id)
  }
}

const ENDS = ['promoted', 'rejected', 'skipped', 'failed', 'cancelled']

/** @returns the exit code that the end of the run means */
async function followed(
  attune: Attune,
  run: Run,
  { follow, json }: { follow: boolean; json: boolean },
): Promise<number> {
  const output = new Output(json)
  let last = run
  if (follow && !ENDS.includes(run.state)) {
    const live = new LiveLine()
    const status: Record<string, unknown> = { state: run.state }
    for await (const event of attune.runs.follow(run.id)) {
      if (json) console.log(JSON.stringify(event))
      else show(live, status, event)
    }
    live.clear()
    last = await attune.runs.get(run.id)
  }
  output.show(last, () => ended(last))
  if (!ENDS.includes(last.state)) return EXIT.done
  return last.state === 'rejected'
    ? EXIT.partly
    : ['failed', 'cancelled'].includes(last.state)
      ? EXIT.failed
      : EXIT.done
}

/** Draws what is known by now; a state or a part that is new stays on the screen. */
function show(live: LiveLine, status: Record<string, unknown>, { event, data }: RunEvent) {
  const { state, detail } = status
  Object.assign(status, data)
  const at = moment(String(data.at)) ?? ''
  if (event === 'state' && status.state !== state) live.say(`${at}  ${String(status.state)}`)
  if (event === 'quality') for (const line of qualityLines(data)) live.say(`${at}  ${line}`)
  // Each part of it counts its epochs from one.
  if (event === 'progress' && typeof status.detail === 'string' && status.detail !== detail)
    live.say(`${at}  ${String(status.state).padEnd(10)} ${plain(status.detail)}`)
  if (event !== 'end') live.draw(progressLine(status))
}

/** What a run read, and what of the rest its reader may not have meant. */
function qualityLines({ read, kept, findings }: Record<string, unknown>): string[] {
  const found = Array.isArray(findings) ? (findings as { reason?: unknown; action?: unknown }[]) : []
  const outside = found.find(({ reason }) => reason === 'outside-history')
  return [
    `read ${number(Number(read))} events, kept ${number(Number(kept))}`,
    ...(typeof outside?.action === 'string' ? [plain(outside.action)] : []),
  ]
}

/** @param status what the events of a run said so far */
export function progressLine(status: Record<string, unknown>): string {
  const figure = (name: string) => (typeof status[name] === 'number' ? status[name] : undefined)
  const [progress, epoch, loss, validation, rate, left] = [
    figure('progress'),
    figure('epoch'),
    figure('loss'),
    figure('validation'),
    figure('tokensPerSecond'),
    figure('etaSeconds'),
  ]
  return [
    `${String(status.state).padEnd(10)} ${bar(progress ?? 0)}`,
    ...(typeof status.detail === 'string' ? [plain(status.detail)] : []),
    ...(epoch === undefined ? [] : [`epoch ${epoch}`]),
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(3)}`]),
    ...(validation === undefined ? [] : [`NDCG@10 ${percent(validation)}`]),
    ...(rate === undefined ? [] : [`${number(Math.round(rate))} events/s`]),
    ...(left === undefined ? [] : [`about ${clock(left)} left`]),
  ].join('  ')
}

const ended = (run: Run) =>
  facts([
    ['run', run.id],
    ['state', run.state],
    ['outcome', run.outcome],
    ['version', run.modelVersion],
    ['engine', run.engine],
    ['detail', run.error ? `${run.error.code}: ${run.error.message}` : run.detail],
  ])
