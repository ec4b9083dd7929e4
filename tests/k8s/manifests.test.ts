import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { prometheusRule } from '../../scripts/k8s/alerts.mjs'
import { Environment, readConfig } from '../../src/platform/config.js'
import { packagePath } from '../../src/platform/paths.js'
import { mistakes } from '../support/expressions.js'
import { findKubectl, findKubernetesCheck } from '../support/kubernetes.js'
import { findPromtool } from '../support/promtool.js'

const folder = packagePath('k8s')
const read = (path: string) => readFileSync(join(folder, path), 'utf8')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ya?ml|env)$/.test(file))
const applied = files.filter((file) => !file.startsWith('examples'))
const text = applied.map(read).join('\n---\n')
const overlays = readdirSync(join(folder, 'overlays'))

const settings = Object.fromEntries([...read('base/settings.env').matchAll(/^(\w+)=(.*)$/gm)].map(([, k, v]) => [k, v]))
/** Names in capitals are those of variables. */
const variables = [...new Set([...text.matchAll(/\bname: ([A-Z][A-Z0-9_]+)\b/g)].map(([, name]) => name))]
const queries = [...text.matchAll(/query: (?:>-\n)?([\s\S]*?)\n +threshold:/g)].map(([, query]) =>
  query.replace(/\s+/g, ' ').trim(),
)
const kubectl = findKubectl()
const check = findKubernetesCheck()
const promtool = findPromtool()

describe('manifests', () => {
  it('set variables that there are, to values that the service takes', () => {
    expect(variables).toEqual(expect.arrayContaining(['ROLES', 'DATABASE_URL', 'OPERATOR_KEY', 'MODEL_MEMORY_MB']))
    const names = Object.keys(Environment.shape)
    // The SDK of the object storage reads its own.
    expect(variables.filter((name) => !names.includes(name) && !name.startsWith('AWS_'))).toEqual([])
    expect(Object.keys(settings).filter((name) => !names.includes(name))).toEqual([])
    const plain = [...text.matchAll(/- \{ name: ([A-Z_]+), value: '?([^'\s]+?)'? \}/g)]
    expect(plain.length).toBeGreaterThan(8)
    for (const [, name, value] of plain)
      expect(() => readConfig({ ...settings, [name]: value }), `${name}=${value}`).not.toThrow()
  })

  it('start each role once, and listen where the probes ask', () => {
    const roles = [...text.matchAll(/name: ROLES, value: (\S+) \}/g)].map(([, role]) => role)
    expect(roles.sort()).toEqual(['api', 'ingest', 'trainer'])
    expect([...new Set([...text.matchAll(/containerPort: (\d+)/g)].map(([, port]) => port))]).toEqual([settings.PORT])
  })

  it('scale by metrics that there are', () => {
    expect(queries.length).toBe(3)
    for (const query of queries) {
      expect(query).toMatch(/attune_/)
      expect(mistakes(query, ['namespace']), query).toEqual([])
    }
  })

  it.skipIf(!promtool)('scale by what Prometheus itself understands', () => {
    const own = mkdtempSync(join(tmpdir(), 'attune-queries-'))
    const rules = queries.map((expr, i) => ({ record: `asked:${i}`, expr }))
    // JSON is YAML.
    writeFileSync(join(own, 'rules.json'), JSON.stringify({ groups: [{ name: 'scaling', rules }] }))
    const { status, said } = promtool!('check', 'rules', '--lint=none', join(own, 'rules.json'))
    rmSync(own, { recursive: true })
    expect(said).toContain(`SUCCESS: ${queries.length} rules found`)
    expect(status).toBe(0)
  })

  it('alert by the very rules of deploy/monitoring', () => {
    const rules = readFileSync(packagePath('deploy', 'monitoring', 'alerts.yml'), 'utf8')
    expect(read('base/alerts.yaml'), 'npm run k8s:alerts').toBe(prometheusRule(rules))
    expect(read('base/kustomization.yaml')).toContain('- alerts.yaml')
    expect(text.match(/^ +- alert: /gm)).toHaveLength(rules.match(/^ +- alert: /gm)!.length)
  })

  it('hold no secret, and refer only to those that the example has', () => {
    expect(text).not.toMatch(/kind: Secret\b/)
    const example = Object.fromEntries(
      read('examples/secrets.yaml')
        .split('---')
        .map((part) => [/name: ([\w-]+)/.exec(part)?.[1], [...part.matchAll(/^ {2}(\w+):/gm)].map(([, key]) => key)]),
    ) as Record<string, string[]>
    const asked = [...text.matchAll(/secretKeyRef: \{ name: ([\w-]+), key: (\w+)/g)]
    expect(asked.length).toBeGreaterThan(8)
    for (const [, name, key] of asked) expect(example[name], name).toContain(key)
    for (const role of ['api', 'ingest', 'trainer'])
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
        expect(read(`base/${role}.yaml`)).toMatch(
          new RegExp(`name: ${name}\\n +valueFrom: .*attune-artifacts.*optional`),
        )
    for (const secret of ['DATABASE_URL', 'OPERATOR_KEY', 'KAFKA_SASL_PASSWORD', 'AWS_SECRET_ACCESS_KEY']) {
      expect(text).not.toMatch(new RegExp(`name: ${secret}, value`))
      expect(settings).not.toHaveProperty(secret)
    }
  })

  it.skipIf(!kubectl).each(overlays)('of %s are put together by kustomize', (overlay) => {
    const { status, said } = kubectl!('kustomize', join(folder, 'overlays', overlay))
    expect([status, said]).toEqual([0, expect.stringContaining('name: attune-api') as string])
    expect(said.match(/^kind: Deployment$/gm)).toHaveLength(3)
    expect(said.includes('nvidia.com/gpu: "1"')).toBe(overlay !== 'small')
    expect(/^kind: (ScaledObject|\w+Monitor|PrometheusRule)$/m.test(said)).toBe(overlay !== 'small')
  })

  it.skipIf(!check)(
    'are accepted by a real API server, and refused with a mistake in them',
    { timeout: 300_000 },
    () => {
      const { status, said } = check!()
      for (const overlay of overlays) {
        expect(said).toMatch(new RegExp(`^ok +overlays/${overlay}: \\d+ resources$`, 'm'))
        for (const name of ['api', 'ingest', 'trainer'])
          expect(said).toContain(`overlays/${overlay}: pod of Deployment attune-${name}`)
      }
      expect(said.match(/: refused with an alert /g)).toHaveLength(overlays.length - 1)
      expect(said.match(/: refused with .* rights$/gm)).toHaveLength(overlays.length)
      expect(said.match(/: refused with a custom resource /g)).toHaveLength(overlays.length - 1)
      expect(said).not.toContain('SKIPPED')
      expect(status).toBe(0)
    },
  )
})
