import { readFileSync } from 'node:fs'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { packagePath } from '../../src/platform/paths.js'

/** Metrics by name, as the reference has them, and those that every process of Node has. */
export const known = new Map<string, { type: string; labels: string[] }>()
for (const [, name, type, labels] of readFileSync(packagePath('docs', 'metrics-reference.md'), 'utf8').matchAll(
  /^\| `(attune_\w+)` +\| (\w+) +\| ([^|]*)\|/gm,
))
  known.set(name, { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) })
const defaults = new Registry()
collectDefaultMetrics({ register: defaults })
for (const { name } of defaults.getMetricsAsArray()) known.set(name, { type: 'gauge', labels: [] })

/**
 * What is wrong with the metrics and labels that an expression names.
 * @param given labels that every series gets from whoever collects it
 */
export function mistakes(expr: string, given = ['instance', 'job']): string[] {
  const found: string[] = []
  const labels = new Set(given)
  for (const [, name, , selector = ''] of expr.matchAll(/\b((?:attune|process|nodejs)_\w+)(\{([^}]*)\})?/g)) {
    const part = /_(?:bucket|count|sum)$/.exec(name)?.[0] ?? ''
    const histogram = known.get(name.slice(0, name.length - part.length))
    const isPart = part !== '' && histogram?.type === 'histogram'
    const metric = isPart ? histogram : known.get(name)
    if (!metric || (metric.type === 'histogram' && !isPart)) {
      found.push(`no such metric: ${name}`)
      continue
    }
    const own = [...metric.labels, ...(part === '_bucket' ? ['le'] : [])]
    own.forEach((label) => labels.add(label))
    for (const [, label] of selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (![...own, ...given].includes(label)) found.push(`${name} has no label ${label}`)
  }
  for (const [, by] of expr.matchAll(/\bby \(([^)]*)\)/g))
    for (const label of by.split(',').map((word) => word.trim()))
      if (!labels.has(label)) found.push(`nothing has the label ${label}`)
  return found
}
