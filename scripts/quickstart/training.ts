import { pause, type RunningService } from './service.js'
import { bar, bold, count, dim, Live, percent, say, table } from './show.js'

interface ShopOfRun {
  id: string
  name: string
  key: string
}

/** The fields of a run that the quickstart shows. */
interface Run {
  id: string
  state: string
  progress?: number
  epoch?: number | null
  tokensPerSecond?: number | null
  etaSeconds?: number | null
  loss?: number | null
  validation?: number | null
  engine?: string | null
  reason?: string | null
  outcome?: string | null
  versionId?: string | null
  error?: { message?: string } | null
}

interface Interval {
  mean: number
  low: number
  high: number
}

interface Version {
  id: string
  decision: string
  reason: string
  metrics: Record<string, { users?: number } & Record<string, Interval | number | undefined>>
  gate?: { reason: string; checks: { name: string; passed: boolean; detail: string }[] }
  report: { engine?: string; seconds?: number; blend?: { weights?: Record<string, number>; reason?: string } }
}

const LIVE = ['queued', 'preparing', 'training', 'evaluating']

/** Asks for a fine-tune from the base; where nothing is new since the last one the answer says so. */
export function requestRun(service: RunningService, tenant: string): Promise<Run> {
  return service.call<Run>('POST', `/v1/tenants/${tenant}/training-runs`, {
    body: { from: 'base', reason: 'quickstart' },
  })
}

/** Shows both runs until they end. @returns the id of the version that each shop has */
export async function followRuns(service: RunningService, shops: ShopOfRun[], runs: Run[]): Promise<string[]> {
  const live = new Live()
  let newest = runs
  const lines = () => newest.map((run, index) => `  ${shops[index].name.padEnd(10)} ${statusLine(run)}`)
  while (newest.some((run) => LIVE.includes(run.state))) {
    live.draw(lines())
    await pause(500)
    newest = await Promise.all(
      newest.map((run, index) => service.call<Run>('GET', `/v1/tenants/${shops[index].id}/training-runs/${run.id}`)),
    )
  }
  live.end(lines())
  return Promise.all(newest.map((run, index) => versionOf(service, shops[index], run)))
}

function statusLine(run: Run): string {
  const parts = [`${run.state.padEnd(10)} ${bar(LIVE.includes(run.state) ? (run.progress ?? 0) : 1)}`]
  if (run.epoch) parts.push(`epoch ${run.epoch}`)
  if (typeof run.loss === 'number') parts.push(`loss ${run.loss.toFixed(3)}`)
  if (typeof run.validation === 'number') parts.push(`validation NDCG@10 ${percent(run.validation)}`)
  if (run.tokensPerSecond)
    parts.push(dim(`${count(Math.round(run.tokensPerSecond))} events/s${run.engine ? ` on ${run.engine}` : ''}`))
  if (run.etaSeconds && LIVE.includes(run.state)) parts.push(dim(`${Math.round(run.etaSeconds)} s left`))
  return parts.join('  ')
}

async function versionOf(service: RunningService, shop: ShopOfRun, run: Run): Promise<string> {
  if (run.state === 'skipped') {
    say(`  ${shop.name}: nothing is new since the last fine-tune, so none was needed.`)
    const { data } = await service.call<{ data: { id: string }[] }>(
      'GET',
      `/v1/tenants/${shop.id}/model-versions?limit=1`,
    )
    return data[0].id
  }
  if (!run.versionId)
    throw new Error(`${shop.name}: the run ${run.state}: ${run.error?.message ?? run.outcome ?? 'no reason given'}`)
  return run.versionId
}

const METRICS = ['ndcg', 'hitRate', 'precision', 'recall', 'f1']
const JUDGED: [string, string][] = [
  ['candidate', 'candidate (fine-tuned blend)'],
  ['champion', 'champion (served until now)'],
  ['base', 'base, not fine-tuned'],
  ['recent', 'recently popular'],
  ['popular', 'popular'],
  ['scratch', 'from scratch'],
]

/** The gate's table, its checks, and what the promoted version serves. */
export async function showVersion(service: RunningService, shop: ShopOfRun, versionId: string): Promise<void> {
  const version = await service.call<Version>('GET', `/v1/tenants/${shop.id}/model-versions/${versionId}`)
  const judged = JUDGED.filter(([name]) => version.metrics[name])
  say(`  ${version.id}, in percent with 95 % intervals; every customer's list ranks the whole catalogue`)
  table([
    ['', 'NDCG@10', 'HR@10', 'precision', 'recall', 'F1'],
    ...judged.map(([name, label]) => [
      label,
      ...METRICS.map((metric, index) => cell(version.metrics[name][metric], index === 0)),
    ]),
  ])
  for (const check of version.gate?.checks ?? [])
    say(`  ${check.passed ? '✓' : '✗'} ${check.name}: ${dim(check.detail)}`)
  say(`  ${bold(version.decision)}: ${version.reason}`)
  const weights = Object.entries(version.report.blend?.weights ?? {}).filter(([, weight]) => weight > 0)
  const sum = weights.reduce((total, [, weight]) => total + weight, 0)
  const shares = weights
    .sort(([, a], [, b]) => b - a)
    .map(([part, weight]) => `${part} ${Math.round((100 * weight) / sum)} %`)
  say(`  blend: ${shares.join(', ')}${version.report.blend?.reason ? dim(` (${version.report.blend.reason})`) : ''}`)
}

function cell(value: Interval | number | undefined, withInterval: boolean): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return (100 * value).toFixed(2)
  const interval = withInterval ? ` [${(100 * value.low).toFixed(1)}, ${(100 * value.high).toFixed(1)}]` : ''
  return `${(100 * value.mean).toFixed(2)}${interval}`
}
