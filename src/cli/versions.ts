import type { Command } from 'commander'
import type { Schemas } from '../client/index.js'
import { type ConnectionFlags, connectToTenant, withConnection } from './connection.js'
import { whole } from './flags.js'
import { first } from './lists.js'
import { type Column, facts, moment, Output, percent, plain, table } from './output.js'

interface Flags extends ConnectionFlags {
  limit?: number
  json?: boolean
}

/** `versions`, `promote`, `rollback`: what was trained, and what of it is served. */
export function addVersions(program: Command, env: NodeJS.ProcessEnv) {
  const versions = program.command('versions').description('the model versions of a tenant')

  withConnection(versions.command('list', { isDefault: true }))
    .description('newest first')
    .option('--limit <n>', 'at most so many', whole, 20)
    .option('--json', 'for programs: one JSON value a line')
    .addHelpText(
      'after',
      "\nExamples:\n  attune versions list\n  attune versions list --json | jq -r 'select(.serving) | .id'",
    )
    .action(async ({ json = false, limit = 20, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const found = await first(attune.versions.all(), limit)
      new Output(json).list(found, COLUMNS, 'No version yet: attune train makes one.')
      if (!json && found.length > 0 && found.length < limit && !found.some(({ serving }) => serving))
        console.error('None of them is served: the base is.')
    })

  withConnection(versions.command('show'))
    .description('one of them: how it did beside the others, and why the gate decided as it did')
    .argument('<version>', 'as attune versions list shows it')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  attune versions show 6f1f2a77-9d0c-4f0e-8f25-0d8c3f3d7a10')
    .action(async (id: string, { json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const version = await attune.versions.get(id)
      new Output(json).show(version, () => described(version))
    })

  withConnection(program.command('promote'))
    .description('serve a version, also one that the gate rejected')
    .argument('<version>', 'as attune versions list shows it')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  attune promote 6f1f2a77-9d0c-4f0e-8f25-0d8c3f3d7a10')
    .action(async (id: string, { json = false, ...flags }: Flags) => {
      const { attune, tenant } = await connectToTenant(flags, env)
      const version = await attune.versions.promote(id)
      new Output(json).show(version, () => `${version.id} is served to ${tenant}`)
    })

  withConnection(program.command('rollback'))
    .description('back to what was served before the current version, or to the base')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExample:\n  attune rollback --tenant acme-shop')
    .action(async ({ json = false, ...flags }: Flags) => {
      const { attune, tenant } = await connectToTenant(flags, env)
      const now = await attune.versions.rollback()
      new Output(json).show(
        now,
        () => `${tenant} is served by ${now.modelVersion ?? 'the base'} again, instead of ${now.previous}`,
      )
    })
}

type Summary = Schemas['ModelVersionSummary']

const COLUMNS: Column<Summary>[] = [
  { name: '', of: ({ serving }) => (serving ? '>' : ' ') },
  { name: 'version', of: ({ id }) => id },
  { name: 'made', of: ({ createdAt }) => moment(createdAt) },
  { name: 'gate', of: ({ decision }) => decision },
  { name: 'NDCG@10', right: true, of: (version) => shown(metricOf(version, version.judgedAs ?? 'candidate', 'ndcg')) },
  { name: 'popular', right: true, of: (version) => shown(metricOf(version, 'popular', 'ndcg')) },
  { name: 'reason', of: ({ reason }) => reason },
]

const METRICS = ['ndcg', 'hitRate', 'precision', 'recall', 'mrr', 'coverage']

/** @returns the whole of it for people */
export function described(version: Schemas['ModelVersion']): string {
  const judged = Object.keys(objectOf(version.metrics))
  const checks = version.report.gate?.checks ?? []
  const { windows } = objectOf(version.report.forgetting)
  return [
    facts([
      ['version', version.id],
      ['made', moment(version.createdAt)],
      ['from', version.parentId ?? `the base (${version.baseModel})`],
      ['served', version.serving ? 'yes' : 'no'],
      ['gate', version.decision],
      ['because', version.reason],
    ]),
    ...(judged.length > 0
      ? [
          '',
          'At 10 recommendations, on the newest events, which it never saw:',
          table(judged, [
            { name: '', of: (name) => (name === version.judgedAs ? `${name} (this version)` : name) },
            ...METRICS.map((metric) => ({
              name: metric,
              right: true,
              of: (name: string) => shown(metricOf(version, name, metric)),
            })),
          ]),
        ]
      : []),
    ...(Array.isArray(windows) && windows.length > 0
      ? [
          '',
          'Old windows: NDCG@10 of the network before and now, on what the one before learned from:',
          table(windows.map(objectOf), WINDOW_COLUMNS),
        ]
      : []),
    ...(checks.length > 0 ? ['', ...checks.map((check) => checkLine(objectOf(check)))] : []),
  ].join('\n')
}

const WINDOW_COLUMNS: Column<Record<string, unknown>>[] = [
  { name: 'from', of: ({ from }) => moment(String(from)) },
  { name: 'to', of: ({ to }) => moment(String(to)) },
  { name: 'users', right: true, of: ({ users }) => numberOf(users) },
  { name: 'before', right: true, of: ({ before }) => shown(numberOf(before)) },
  { name: 'now', right: true, of: ({ now }) => shown(numberOf(now)) },
  {
    name: 'difference',
    right: true,
    of: ({ difference }) => {
      const { mean, low, high } = objectOf(difference)
      const [middle, from, to] = [mean, low, high].map((value) => shown(numberOf(value)) ?? '-')
      return `${middle} (${from} to ${to})`
    },
  },
]

const checkLine = ({ name, title = name, passed, asked, detail }: Record<string, unknown>) =>
  plain(
    `${asked === false ? '--' : passed === true ? 'ok' : 'NO'}  ${String(title)}${typeof detail === 'string' ? `: ${detail}` : ''}`,
  )

/** The mean of a metric, from a report that says of each contender what it measured. */
function metricOf({ metrics }: { metrics?: unknown }, contender: string, metric: string): number | undefined {
  const found = objectOf(objectOf(metrics)[contender])[metric]
  return numberOf(typeof found === 'number' ? found : objectOf(found).mean)
}

const shown = (value: number | undefined) => (value === undefined ? undefined : percent(value))
const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined)
const objectOf = (value: unknown) =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
