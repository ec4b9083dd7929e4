// Writes k8s/base/alerts.yaml: the rules of deploy/monitoring/alerts.yml as a resource of the Prometheus operator. One source:
// tests/k8s compares the two. (kustomize takes no file from outside its folder, so there has to be a second one.)
//
//   npm run k8s:alerts

import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const HEAD = `# Made of deploy/monitoring/alerts.yml by \`npm run k8s:alerts\`: change it there. Where the operator's Prometheus picks rules by
# label (as the chart kube-prometheus-stack does, by \`release\`), add that label in an overlay.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: attune
  labels: { app.kubernetes.io/name: attune }
spec:
`

/** @param {string} rules a file of rules as Prometheus reads it */
export const prometheusRule = (rules) => HEAD + rules.slice(rules.search(/^groups:$/m)).replace(/^(?=.)/gm, '  ')

if (process.argv[1] === import.meta.filename) {
  const root = dirname(dirname(import.meta.dirname))
  const rules = readFileSync(join(root, 'deploy', 'monitoring', 'alerts.yml'), 'utf8')
  writeFileSync(join(root, 'k8s', 'base', 'alerts.yaml'), prometheusRule(rules))
}
