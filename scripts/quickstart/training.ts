import { pause, type RunningService } from './service.js'
import { bar, bold, count, dim, green, Live, percent, red, say, table } from './show.js'

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
  detail?: string | null
  modelVersion?: string | null
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
  counts: { events: number; judgedOn: number }
  metrics: Record<string, Record<string, Interval>>
  judgedAs: string | null
  gate: { checks: Check[] }
  report: { seconds: number; blend: { kind: string; shares: Record<string, number>; reason: string } }
}

interface Check {
  name: string
  title?: string
  passed: boolean
  required: boolean
  detail: string
}

const LIVE = ['queued', 'preparing', 'training', 'evaluating']

/** The candidate's parts by themselves: what is served has to beat them, or be one of them. */
const PARTS: [string, string][] = [
  ['network', 'part: network'],
  ['text', 'part: text'],
  ['wide', 'part: co-occurrence, wide'],
  ['narrow', 'part: co-occurrence, narrow'],
]

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
  const live = LIVE.includes(run.state)
  const parts = [`${bar(live ? (run.progress ?? 0) : 1)} ${(live && run.detail) || run.state}`]
  if (!live) return parts[0]
  if (run.epoch) parts.push(`epoch ${run.epoch}`)
  if (typeof run.loss === 'number') parts.push(`loss ${run.loss.toFixed(3)}`)
  if (typeof run.validation === 'number') parts.push(`validation NDCG@10 ${percent(run.validation)}`)
  if (run.tokensPerSecond)
    parts.push(dim(`${count(Math.round(run.tokensPerSecond))} events/s${run.engine ? ` on ${run.engine}` : ''}`))
  if (run.etaSeconds) parts.push(dim(`about ${Math.round(run.etaSeconds)} s left`))
  return parts.join('  ')
}

async function versionOf(service: RunningService, shop: ShopOfRun, run: Run): Promise<string> {
  if (run.state === 'skipped') {
    say(
      `  ${shop.name}: nothing is new since the last fine-tune, so none was needed (attune train --force trains all the same).`,
    )
    const { data } = await service.call<{ data: { id: string }[] }>(
      'GET',
      `/v1/tenants/${shop.id}/model-versions?limit=1`,
    )
    return data[0].id
  }
  if (!run.modelVersion)
    throw new Error(`${shop.name}: the run ${run.state}: ${run.error?.message ?? run.detail ?? ''}`)
  return run.modelVersion
}

const METRICS = ['ndcg', 'hitRate', 'precision', 'recall', 'f1']
const JUDGED: [string, string][] = [
  ['candidate', 'candidate (fine-tuned blend)'],
  ['champion', 'champion (served until now)'],
  ['base', 'base, not fine-tuned'],
  ['recent', 'recently popular'],
  ['popular', 'popular'],
  ['from-scratch', 'from scratch'],
]

/** The gate's table, its checks, and what the version serves. */
export async function showVersion(service: RunningService, shop: ShopOfRun, versionId: string): Promise<void> {
  const version = await service.call<Version>('GET', `/v1/tenants/${shop.id}/model-versions/${versionId}`)
  const { counts, metrics, report } = version
  say(`  ${version.id}: trained and judged in ${Math.round(report.seconds)} s on ${count(counts.events)} events.`)
  say(
    `  The next basket of ${count(counts.judgedOn)} customers in the last tenth of the time, whole catalogue, in % with 95 % intervals:`,
  )
  const judged = [...JUDGED, ...PARTS].filter(([name]) => metrics[name])
  table([
    ['', 'NDCG@10', 'HR@10', 'precision', 'recall', 'F1'],
    ...judged.map(([name, label]) => [
      name === version.judgedAs && name !== 'candidate' ? `${label} (what this version serves)` : label,
      ...METRICS.map((metric) => cell(metrics[name][metric])),
    ]),
  ])
  for (const check of version.gate.checks)
    say(
      `  ${check.passed ? green('✓') : check.required ? red('✗') : '!'} ${check.title ?? check.name}: ${dim(check.detail)}`,
    )
  say(`  ${bold(version.reason)}`)
  const parts = Object.entries(report.blend.shares)
    .filter(([, share]) => share > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([part, share]) => `${part} ${Math.round(100 * share)} %`)
  say(`  It serves: ${report.blend.kind} (${parts.join(', ')}).`)
  say(`  ${dim(report.blend.reason)}`)
}

const cell = ({ mean, low, high }: Interval) => `${percent2(mean)} [${percent1(low)}, ${percent1(high)}]`
const percent2 = (value: number) => (100 * value).toFixed(2)
const percent1 = (value: number) => (100 * value).toFixed(1)
