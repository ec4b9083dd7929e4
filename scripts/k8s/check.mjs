// Shows each overlay of k8s/ to a real Kubernetes API server, which is started for it on loopback and thrown away: `kubectl
// apply --dry-run=server` with strict validation, warnings taken as errors, and each pod that a template would bring by the
// rules of pod security. Builds the server first where it is not there (see binaries.mjs); without Go it says so and skips.
//
//   npm run k8s:check

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { canBuild, missing, render, startCluster } from './cluster.mjs'

const folder = join(dirname(dirname(import.meta.dirname)), 'k8s')
const NAMESPACE = 'attune'
const STRICT = ['--dry-run=server', '--validate=strict', '--warnings-as-errors', '-o', 'json', '-f', '-']

if (missing().length > 0 && canBuild()) build()
const lacking = missing()
if (lacking.length > 0) skip(lacking)
else process.exitCode = (await check()) ? 0 : 1

function build() {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, 'binaries.mjs')], { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

function skip(reasons) {
  const go = canBuild() ? '' : '; there is no Go to build it with'
  console.error(`SKIPPED: k8s/ was not shown to an API server: ${reasons.join(', ')}${go}`)
}

async function check() {
  const cluster = await startCluster()
  const failures = []
  try {
    const { stdout } = await cluster.kubectl(['get', '--raw', '/version'])
    console.log(`API server ${JSON.parse(stdout).gitVersion}`)
    // For real: what is made in a dry run is not there for what comes after it.
    must(await cluster.kubectl(['apply', '-f', join(folder, 'base', 'namespace.yaml')]))
    must(await cluster.kubectl(['apply', '-n', NAMESPACE, '-f', join(folder, 'base', 'service-account.yaml')]))
    for (const name of readdirSync(join(folder, 'overlays'))) {
      const yaml = render(join(folder, 'overlays', name))
      failures.push(...(await overlay(cluster, `overlays/${name}`, yaml)))
      failures.push(...(await refusals(cluster, `overlays/${name}`, yaml)))
    }
    for (const name of readdirSync(join(folder, 'examples'))) {
      const yaml = readFileSync(join(folder, 'examples', name), 'utf8')
      failures.push(...say(`examples/${name}`, await cluster.kubectl(['apply', ...STRICT], yaml)))
    }
  } finally {
    await cluster.stop()
  }
  for (const failure of failures) console.error(`attune: ${failure}`)
  return failures.length === 0
}

/** Applies it, then each pod of it. @returns what is wrong */
async function overlay(cluster, name, yaml) {
  const applied = await cluster.kubectl(['apply', ...STRICT], yaml)
  const failures = say(name, applied)
  if (failures.length > 0) return failures
  for (const { kind, metadata, spec } of JSON.parse(applied.stdout).items) {
    if (!spec?.template?.spec?.containers) continue
    const made = await cluster.kubectl(['create', ...STRICT], pod(metadata.name, spec.template))
    failures.push(...say(`${name}: pod of ${kind} ${metadata.name}`, made))
  }
  return failures
}

/** The same with a mistake in it has to be refused, and because of it: a check that lets everything pass says nothing. */
async function refusals(cluster, name, yaml) {
  const mistakes = [
    ['a field that there is not', /runAsNonRoot: true/g, 'runAsNonRoute: true', 'unknown field'],
    ['an amount that is none', /memory: \d+[GM]i/g, 'memory: much', 'quantities must match'],
    [
      'a custom resource of the wrong type',
      /maxReplicaCount: \d+/g,
      'maxReplicaCount: many',
      'must be of type integer',
    ],
    ['an alert that has no expression', /^( +)expr: .*$/m, '$1exprs: none', 'unknown field'],
    [
      'containers that may gain rights',
      /allowPrivilegeEscalation: false/g,
      'allowPrivilegeEscalation: true',
      'would violate PodSecurity "restricted:latest"',
    ],
  ]
  const failures = []
  for (const [what, good, bad, why] of mistakes) {
    const spoiled = yaml.replace(good, bad)
    // Not every overlay has all of it.
    if (spoiled === yaml) continue
    const { status, said } = await cluster.kubectl(['apply', ...STRICT], spoiled)
    if (status !== 0 && said.includes(why)) console.log(`ok   ${name}: refused with ${what}`)
    else failures.push(`${name}, with ${what}, was not refused for that: ${said.slice(-500)}`)
  }
  return failures
}

function pod(name, { metadata, spec }) {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace: NAMESPACE }, spec })
}

function say(what, { status, stdout, said }) {
  if (status !== 0) return [`${what}: ${said.slice(stdout.length) || said}`]
  const { items } = JSON.parse(stdout)
  console.log(`ok   ${what}${items ? `: ${items.length} resources` : ''}`)
  return []
}

function must({ status, said }) {
  if (status !== 0) throw new Error(said)
}
