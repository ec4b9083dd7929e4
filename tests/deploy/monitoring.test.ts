import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packagePath } from '../../src/platform/paths.js'
import { known, mistakes } from '../support/expressions.js'
import { findPromtool } from '../support/promtool.js'

interface Panel {
  id: number
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: { uid: string }
  targets?: { refId: string; expr: string; datasource: { uid: string } }[]
}
interface Dashboard {
  panels: Panel[]
  templating: { list: { name: string; query: string | { query: string } }[] }
}

const read = (...path: string[]) => readFileSync(packagePath(...path), 'utf8')
const promtool = findPromtool()
const rules = read('deploy', 'monitoring', 'alerts.yml')
const dashboard = JSON.parse(read('deploy', 'monitoring', 'grafana-dashboard.json')) as Dashboard

const alerts = [...rules.matchAll(/- alert: (\w+)\n([\s\S]*?)(?=\n\s+- alert:|\n\n|$)/g)].map(([, name, body]) => ({
  name,
  body,
  expr: /expr: (?:>-)?([\s\S]*?)\n\s+(?:for|labels):/.exec(body)?.[1].trim() ?? '',
}))
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const targets = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ name: title, expr })))

describe('the check of expressions', () => {
  it('finds what is wrong', () => {
    expect(mistakes('sum by (le) (rate(attune_recommendation_seconds_bucket{kind="x"}[5m]))')).toEqual([])
    expect(mistakes('attune_nothing_total')).toEqual(['no such metric: attune_nothing_total'])
    expect(mistakes('attune_recommendation_seconds')).toEqual(['no such metric: attune_recommendation_seconds'])
    expect(mistakes('attune_info_count')).toEqual(['no such metric: attune_info_count'])
    expect(mistakes('attune_live_models{tenant="x"}')).toEqual(['attune_live_models has no label tenant'])
    expect(mistakes('sum by (tenant) (attune_live_models)')).toEqual(['nothing has the label tenant'])
    expect(known.size).toBeGreaterThan(60)
  })
})

describe('alerts', () => {
  it('name metrics and labels that there are', () => {
    expect(alerts.length).toBeGreaterThan(20)
    for (const { name, expr } of alerts) {
      expect(expr, name).toMatch(/(?:attune|nodejs|process)_/)
      expect(mistakes(expr), name).toEqual([])
    }
  })

  it('say how urgent they are, what is the matter and what to do', () => {
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length)
    for (const { name, body } of alerts) {
      expect(name).toMatch(/^Attune[A-Z]/)
      expect(body, name).toMatch(/labels: \{ severity: (page|ticket) \}/)
      expect(body, name).toMatch(/summary: \S.*\n\s+description: \S/)
      // Metrics that the text sends a reader to.
      for (const [mentioned] of /description:.*/.exec(body)?.[0].matchAll(/attune_\w+/g) ?? [])
        expect(known.has(mentioned), mentioned).toBe(true)
    }
  })

  it.skipIf(!promtool)('are rules to Prometheus itself', () => {
    const { status, said } = promtool!(
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      packagePath('deploy/monitoring/alerts.yml'),
    )
    expect(said).toContain(`SUCCESS: ${alerts.length} rules found`)
    expect(status).toBe(0)
  })

  it.skipIf(!promtool)('are raised when they should be, and only then, by Prometheus itself', () => {
    const { status, said } = promtool!('test', 'rules', packagePath('deploy/monitoring/alerts.test.yml'))
    expect(said).toContain('SUCCESS')
    expect(status).toBe(0)
  })
})

describe('the docs', () => {
  it('name metrics that there are', () => {
    const pages = readdirSync(packagePath('docs')).filter((page) => page.endsWith('.md'))
    const texts = [read('README.md'), ...pages.map((page) => read('docs', page))]
    // Whatever is written so, in or out of backticks, is a metric or one of these.
    const others = ['attune_service', 'tenant_id', 'user_id']
    const named = texts.flatMap((text) => [
      ...[...text.matchAll(/\battune_\w+/g)].map(([name]) => name),
      ...[...text.matchAll(/`([a-z]+(?:_[a-z0-9]+)+)(?:\{[^}`]*\})?`/g)].map(([, name]) => name),
    ])
    expect(named.length).toBeGreaterThan(100)
    expect([...new Set(named)].filter((name) => !known.has(name) && !others.includes(name))).toEqual([])
  })
})

describe('the dashboard', () => {
  it('names metrics and labels that there are', () => {
    expect(targets.length).toBeGreaterThan(50)
    for (const { name, expr } of targets) expect(mistakes(expr), name).toEqual([])
    for (const { name, query } of dashboard.templating.list)
      if (typeof query !== 'string')
        expect(mistakes(query.query.replace(/label_values\((\w+), (\w+)\)/, '$1{$2=""}')), name).toEqual([])
  })

  it('shows every group of metrics that the reference has', () => {
    const shown = targets.map(({ expr }) => expr).join('\n')
    const hidden = [...known.keys()].filter((name) => name.startsWith('attune_') && !shown.includes(name))
    // States that alerts watch, facts of an instance, and what is told in another unit.
    expect(hidden.sort()).toEqual([
      'attune_data_dir_size_bytes',
      'attune_events_uncounted_total',
      'attune_http_requests_in_flight',
      'attune_kafka_batch_failures_total',
      'attune_kafka_consumer_state',
      'attune_kafka_rebalances_total',
      'attune_quotas_apart',
      'attune_retention_swept_timestamp_seconds',
      'attune_tensor_engine',
      'attune_training_engine_fallback',
      'attune_training_engine_info',
    ])
  })

  it('has each panel in a place of its own, and takes its data from where it is told', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    const taken = new Set<string>()
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x}/${y}`), title).toBe(false)
          taken.add(`${x}/${y}`)
        }
    }
    for (const { title, datasource, targets = [] } of panels) {
      expect(targets.length, title).toBeGreaterThan(0)
      for (const uid of [datasource?.uid, ...targets.map((target) => target.datasource.uid)])
        expect(uid, title).toBe('${datasource}')
    }
  })

  it.skipIf(!promtool)('asks what Prometheus itself understands', () => {
    const folder = mkdtempSync(join(tmpdir(), 'attune-rules-'))
    const asked = targets.map(({ expr }, i) => ({
      record: `asked:${i}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$tenant', '.*'),
    }))
    const file = join(folder, 'rules.json')
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: asked }] }))
    const { status, said } = promtool!('check', 'rules', '--lint=none', file)
    rmSync(folder, { recursive: true })
    expect(said).toContain(`SUCCESS: ${asked.length} rules found`)
    expect(status).toBe(0)
  })
})
